/**
 * Warm-up: what a worker does before it says that it is ready, so that the first writers of a process do not wait for code that has
 * never run. Made-up lines take the path of all lines (decoded, encoded, read again, applied) to a head that is then let go, and V8
 * compiles what they run through. Nothing of the server's own state is touched, and nothing is written to disk.
 *
 * The lines differ as real ones do: known and new series, some twice in a body, tags out of order, long and short keys, integers and
 * decimals, rows in time and late ones, and so many that arrays grow. Code that was compiled for one kind only is thrown away when another
 * comes; `--trace-deopt` shows what the lines lack.
 */
import { BatchScratch, type Checksum, type Compression, KeptLists, readBatches } from '../../model/index.ts';
import { Head } from '../../storage/index.ts';
import { FieldTypeAuthority, FieldTypes, LineDecoder } from '../ingest/index.ts';
import type { PublishCall, WriteCall } from './messages.ts';
import { SharedDirectory } from './shard-directory.ts';
import { Writer } from './writer.ts';

/** Fewer lines leave most of the work to the first writers, more cost a start what they save: these are about 100 ms of a core. */
const BODIES = 8;
const LINES_PER_BODY = 600;
/** Fewer than lines: some come twice in a body. */
const SERIES_PER_BODY = 480;
/** Three bodies of counts, the second of them late, then one of measures; each such round has series of its own. */
const BODIES_PER_ROUND = 4;
const STEP_OF_BODY = [1, 0, 2, 3];
const COUNTS = 10;
const MEASURES = 3;
const START_SECONDS = 1_000_000_000;
const STEP_SECONDS = 10;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

const encoder = new TextEncoder();

/** Of a server with so many shards. Gives the lines that were taken: all that there are. */
export async function warmUp(
  shards: number,
  { checksum, compression }: { readonly checksum: Checksum; readonly compression: Compression },
): Promise<{ rows: number; lines: number }> {
  const directory = SharedDirectory.make(1);
  const heads = Array.from({ length: shards }, () => {
    const reading = { compression, scratch: new BatchScratch(), lists: new KeptLists() };
    return { head: new Head(directory.listener(0)), reading };
  });
  const publish = async ({ shard, message }: PublishCall): Promise<number> => {
    const { head, reading } = heads[shard];
    for (const batch of readBatches(message, reading)) head.apply(batch);
    return 0;
  };
  const authority = new FieldTypeAuthority();
  const writer = new Writer({
    decoder: new LineDecoder({ shards, compression }),
    fieldTypes: new FieldTypes(),
    declare: async (database, retentionPolicy, fields) => authority.declare(database, retentionPolicy, fields),
    shards: heads.map(() => ({ generation: 0, messageBytesMax: MESSAGE_BYTES_MAX, publish })),
    producer: 0,
    checksum,
    compression,
  });
  for (let body = 0; body < BODIES; body++) {
    // cloned, as calls from other threads are: V8 tells such texts and arrays from those made here
    await writer.write(structuredClone(callOf(body)));
  }
  return { rows: heads.reduce((sum, { head }) => sum + head.stats().points, 0), lines: BODIES * LINES_PER_BODY };
}

// private functions

function callOf(body: number): WriteCall {
  const round = Math.floor(body / BODIES_PER_ROUND);
  const kind = body % BODIES_PER_ROUND;
  const first = round * SERIES_PER_BODY;
  let text = '';
  for (let line = 0; line < LINES_PER_BODY; line++) {
    const step = round * BODIES_PER_ROUND + STEP_OF_BODY[kind];
    const seconds = START_SECONDS + step * STEP_SECONDS + (line < SERIES_PER_BODY ? 0 : STEP_SECONDS / 2);
    const series = first + (line % SERIES_PER_BODY);
    text += kind === BODIES_PER_ROUND - 1 ? measureOf(series, seconds) : countOf(series, seconds);
  }
  const target = { database: 'warm-up', retentionPolicy: 'warm-up', precision: 'ns', wait: true } as const;
  return { ...target, body: encoder.encode(text), now: 0n, keptFrom: null };
}

function countOf(series: number, seconds: number): string {
  const region = `region_${series % 5}`;
  const near = `host=host_${series},region=${region},datacenter=${region}_${series % 3},rack=${series % 100},os=linux`;
  const far = `tier=${series % 4},service=service_${series % 20},service_version=${series % 2},environment=production`;
  const fields = Array.from({ length: COUNTS }, (_, i) => `count_${i}=${(series + i) % 101}i`);
  return `counts,${near},${far} ${fields.join(',')} ${seconds}000000000\n`;
}

function measureOf(series: number, seconds: number): string {
  const fields = Array.from({ length: MEASURES }, (_, i) => `measure_${i}=${((series + i) % 50) / 4 - 5}`);
  return `measures,name=a,sensor=sensor_${series} ${fields.join(',')} ${seconds}${String(series * 1000).padStart(9, '0')}\n`;
}
