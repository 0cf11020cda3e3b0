/** Decodes bodies for the tests of this folder, through encoded envelopes, and lists the points that come out. */
import {
  type Batch,
  type Column,
  crc32c,
  encodeBatches,
  KeptLists,
  parseSeriesKey,
  readBatches,
  type Value,
} from '../../../../model/index.ts';
import {
  type Decoded,
  type DecodeRequest,
  describeErrors,
  FieldTypeAuthority,
  FieldTypes,
  LineDecoder,
  type LineDecoderOptions,
} from '../../../../server/ingest/index.ts';
import { MemoryFiles } from '../../../../storage/index.ts';

const { compression } = new MemoryFiles();
const lists = new KeptLists();

export interface Point {
  readonly measurement: string;
  readonly tags: Record<string, string>;
  readonly fields: Record<string, Value>;
  readonly time: bigint;
}

export class Decoding {
  readonly decoder: LineDecoder;
  readonly fieldTypes = new FieldTypes();
  readonly authority = new FieldTypeAuthority();

  constructor(options: Partial<LineDecoderOptions> = {}) {
    this.decoder = new LineDecoder({ shards: 4, compression, ...options });
  }

  /** At once, or in slices of so many bytes. */
  decode(
    body: string | Uint8Array,
    request: Partial<DecodeRequest> = {},
    sliceBytes?: number,
  ): Decoded & { points: Point[]; text: string } {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const full: DecodeRequest = {
      database: 'db',
      retentionPolicy: 'autogen',
      precision: 'ns',
      now: 1_700_000_000_123_456_789n,
      fieldTypes: this.fieldTypes,
      ...request,
    };
    const decoded =
      sliceBytes === undefined ? this.decoder.decode(bytes, full) : last(this.decoder.slices(bytes, full, sliceBytes));
    const verdict = this.authority.declare(full.database, full.retentionPolicy, decoded.newFields);
    this.fieldTypes.learn(decoded.newFields, verdict);
    return { ...decoded, points: listPoints(decoded.batches), text: describeErrors(decoded) };
  }
}

/** Points of batches as readers get them: encoded and read again. */
export function listPoints(shards: readonly (readonly Batch[])[]): Point[] {
  const points: Point[] = [];
  for (const [shard, batches] of shards.entries()) {
    if (batches.length === 0) continue;
    const envelope = encodeBatches({ producer: 1, number: 1, shard, generation: 1 }, batches, crc32c);
    for (const batch of readBatches(envelope, { compression, lists })) {
      for (let row = 0; row < batch.rows; row++) points.push(pointOf(batch, row));
    }
  }
  return points;
}

// private functions

function pointOf(batch: Batch, row: number): Point {
  const fields: Record<string, Value> = Object.create(null);
  for (const [name, column] of batch.columns) {
    if (column.present === null || column.present[row] === 1) fields[name] = readValue(column, row);
  }
  return {
    measurement: batch.measurement,
    tags: Object.fromEntries(parseSeriesKey(batch.seriesKeys.get(batch.series[row]))),
    fields: { ...fields },
    time: batch.base + BigInt(batch.offsets[row]),
  };
}

function readValue(column: Column, row: number): Value {
  if (column.type === 'string') return column.dictionary.get(column.values[row]);
  if (column.type === 'boolean') return column.values[row] === 1;
  return column.values[row];
}

function last<T>(steps: Iterator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
