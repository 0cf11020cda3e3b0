/**
 * Writer: a body of line protocol → envelopes in the streams of the shards it concerns. One per worker; any worker can take any
 * body, since what belongs to a shard elsewhere is handed over as bytes to the worker that owns it.
 *
 * Bodies are decoded one after the other, a long one in slices, since batches lean on the decoder's buffers: they are encoded before
 * the next body has its turn. Fields that nobody knew are declared to the authority on the main thread first, and the body is decoded
 * again with what it said.
 */
import {
  type Batch,
  BodyPacking,
  batchBytes,
  type Checksum,
  type Compression,
  type ControlEntry,
  ENVELOPE_HEADER_BYTES,
  encodeBatches,
  encodeControl,
  rowsSince,
  splitBatch,
  unknownSeries,
} from '../../model/index.ts';
import {
  type Decoded,
  describeErrors,
  type FieldTypes,
  type FieldVerdict,
  type LineDecoder,
  type NewField,
} from '../ingest/index.ts';
import type { PublishCall, WriteCall, WriteResult } from './messages.ts';
import { makePause, nextTurn } from './pause.ts';

/** A message is closed before it grows past this, and never past what the broker takes: it is applied in one turn. */
const MESSAGE_BYTES_TARGET = 512 * 1024;
/** Nor with more series than this that may all be new, some microseconds each. A list of series that came before holds none. */
const MESSAGE_SERIES_TARGET = 4_096;
/** Where a body begins with new fields its others mostly follow within this: what lies behind is not decoded in vain. */
const NEW_FIELD_LOOK_BYTES = 16 * 1024;
/** Between two looks at the clock: less than a millisecond of new series, some in a server that has just started. */
const SLICE_BYTES = 16 * 1024;
/** The authority's answer settles a body's fields in one round; a database dropped meanwhile may cost another. */
const DECLARE_ROUNDS_MAX = 8;

export interface ShardAddress {
  readonly generation: number;
  readonly messageBytesMax: number;
  /** Resolves with the message's sequence: in the stream, or applied where `wait` says so. */
  publish(call: PublishCall): Promise<number>;
}

export interface WriterOptions {
  readonly decoder: LineDecoder;
  readonly fieldTypes: FieldTypes;
  readonly declare: (database: string, retentionPolicy: string, fields: readonly NewField[]) => Promise<FieldVerdict>;
  /** Index = shard. */
  readonly shards: readonly ShardAddress[];
  readonly producer: number;
  readonly checksum: Checksum;
  readonly compression: Compression;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #packing: BodyPacking;
  /** Last message number, by shard. */
  readonly #numbers: Float64Array;
  readonly #pause = makePause();
  /** The body under way. */
  #decoding: Promise<void> | null = null;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#packing = new BodyPacking(options.compression);
    this.#numbers = new Float64Array(options.shards.length);
  }

  async write(call: WriteCall): Promise<WriteResult> {
    let { decoded, messages, beyond } = await this.#decode(call, NEW_FIELD_LOOK_BYTES);
    for (let round = 1; decoded.newFields.length > 0; round++) {
      if (round > DECLARE_ROUNDS_MAX) throw new Error(`field types did not settle in ${DECLARE_ROUNDS_MAX} rounds`);
      const { fieldTypes, declare } = this.#options;
      fieldTypes.learn(decoded.newFields, await declare(call.database, call.retentionPolicy, decoded.newFields));
      ({ decoded, messages, beyond } = await this.#decode(call));
    }
    const publishing = messages.map((message) => this.#options.shards[message.shard].publish(message));
    const message = withBeyond(describeErrors(decoded), beyond);
    const sequences = await Promise.all(publishing);
    return {
      positions: messages.map(({ shard }, i) => {
        return { shard, generation: this.#options.shards[shard].generation, sequence: sequences[i] };
      }),
      rows: decoded.rows - beyond,
      batches: decoded.batches.reduce((n, list) => n + list.length, 0),
      rejected: decoded.unparsed + decoded.refused,
      beyond,
      message: message === '' ? null : message,
      unparsed: message !== '' && decoded.unparsed === decoded.lines,
      body: call.body,
    };
  }

  /** Puts batches into the stream of one shard; resolves when they are applied. */
  async batches(shard: number, batches: readonly Batch[]): Promise<void> {
    const publishing = this.#messages(shard, batches, true).map((message) =>
      this.#options.shards[shard].publish(message),
    );
    await Promise.all(publishing);
  }

  /** Puts an entry into the stream of one shard; resolves when it is applied. */
  control(shard: number, entry: ControlEntry): Promise<number> {
    const address = this.#address(shard);
    const message = encodeControl(address, entry, this.#options.checksum);
    return this.#options.shards[shard].publish({ shard, message, id: address, wait: true });
  }

  // private functions

  async #decode(call: WriteCall, bytesBehindNewField?: number): Promise<DecodedCall> {
    while (this.#decoding !== null) await this.#decoding;
    const { decoder, fieldTypes } = this.#options;
    const { forgotten } = fieldTypes;
    const request = { ...call, fieldTypes, bytesBehindNewField };
    let ended = (): void => {};
    this.#decoding = new Promise((resolve) => {
      ended = resolve;
    });
    try {
      const slices = decoder.slices(call.body, request, SLICE_BYTES);
      for (;;) {
        const step = slices.next();
        // what is decoded is encoded in a turn of its own
        await (step.done ? nextTurn() : this.#pause());
        // types from before a drop would go into the stream behind it
        if (fieldTypes.forgotten !== forgotten) return this.#encoded(call, decoder.decode(call.body, request));
        if (step.done) return this.#encoded(call, step.value);
      }
    } finally {
      this.#decoding = null;
      ended();
    }
  }

  /** In the turn in which nothing had been forgotten. No messages while there are fields to be declared. */
  #encoded(call: WriteCall, decoded: Decoded): DecodedCall {
    if (decoded.newFields.length > 0) return { decoded, messages: [], beyond: 0 };
    let beyond = 0;
    const messages = decoded.batches.flatMap((batches, shard) => {
      const kept = batches.map((batch) => (call.keptFrom === null ? batch : rowsSince(batch, call.keptFrom)));
      batches.forEach((batch, i) => {
        beyond += batch.rows - (kept[i]?.rows ?? 0);
      });
      return this.#messages(
        shard,
        kept.filter((batch) => batch !== null),
        call.wait,
      );
    });
    return { decoded, messages, beyond };
  }

  /** Envelopes of one shard: as few as the greatest size of a message allows. */
  #messages(shard: number, batches: readonly Batch[], wait: boolean): PublishCall[] {
    const room = Math.min(MESSAGE_BYTES_TARGET, this.#options.shards[shard].messageBytesMax) - ENVELOPE_HEADER_BYTES;
    const messages: PublishCall[] = [];
    let open: Batch[] = [];
    let bytes = 0;
    let series = 0;
    const close = (): void => {
      if (open.length === 0) return;
      const id = this.#address(shard);
      messages.push({ shard, message: encodeBatches(id, open, this.#options.checksum, this.#packing), id, wait });
      open = [];
      bytes = series = 0;
    };
    for (const batch of batches.flatMap((b) => splitBatch(b, room, MESSAGE_SERIES_TARGET))) {
      const size = batchBytes(batch);
      const unknown = unknownSeries(batch);
      if (bytes + size > room || series + unknown > MESSAGE_SERIES_TARGET) close();
      open.push(batch);
      bytes += size;
      series += unknown;
    }
    close();
    return messages;
  }

  #address(shard: number): { producer: number; number: number; shard: number; generation: number } {
    const { producer, shards } = this.#options;
    return { producer, number: ++this.#numbers[shard], shard, generation: shards[shard].generation };
  }
}

// private functions

interface DecodedCall {
  readonly decoded: Decoded;
  readonly messages: PublishCall[];
  /** Rows that are older than the policy keeps. */
  readonly beyond: number;
}

/** InfluxDB's words for points older than what the policy keeps, behind what is wrong with other lines. */
function withBeyond(message: string, beyond: number): string {
  if (beyond === 0) return message;
  const text = `points beyond retention policy dropped=${beyond}`;
  return message === '' ? `partial write: ${text}` : `${message}\n${text}`;
}
