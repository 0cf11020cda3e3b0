/**
 * Warm-up: what a worker does before it says that it is ready, so that the first writers of a process do not wait for code that has
 * never run. Made-up lines take the path of all lines (decoded, encoded, read again, applied) to a head that is then let go, and V8
 * compiles what they run through. Nothing of the server's own state is touched, and nothing is written to disk.
 *
 * Code that was compiled for some kinds of lines only is thrown away and compiled anew when another kind comes, which costs the first
 * writers more than the lines themselves. So the kinds come first, a few lines of each, while nothing is compiled yet: known and new
 * series, series twice in a body, tags out of order, keys short and long, all types of fields, numbers of every width, holes, many fields,
 * rows in time and late ones, several databases and measurements. Then come enough lines of the common kinds for V8 to compile what they
 * run through. `node --log-deopt` says what was thrown away after the start, and so what the lines lack.
 */
import { BatchScratch, type Checksum, type Compression, KeptLists, readBatches } from '../../model/index.ts';
import { Head } from '../../storage/index.ts';
import { FieldTypeAuthority, FieldTypes, LineDecoder } from '../ingest/index.ts';
import type { PublishCall, WriteCall } from './messages.ts';
import { SharedDirectory } from './shard-directory.ts';
import { Writer } from './writer.ts';

/**
 * Sketches come first: a few lines of every kind, each sketch of a database and measurements of its own, before V8 compiles anything for
 * good.
 */
const SKETCHES = 6;
const LINES_PER_SKETCH = 60;
/** Then bodies: fewer lines leave most of the work to the first writers, more cost a start what they save. */
const BODIES = 8;
const LINES_PER_BODY = 800;
/** Fewer than lines: some come twice in a body. And so many that each of two shards numbers them with two bytes. */
const SERIES_PER_BODY = 640;
/** Three bodies of counts, the second of them late, then one of measures; each such round has series of its own. */
const BODIES_PER_ROUND = 4;
const STEP_OF_BODY = [1, 0, 2, 3];
const COUNTS = 10;
const MEASURES = 3;
/** More fields than a measurement first has room for. */
const FIELDS_MORE = 40;
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
  for (let sketch = 0; sketch < SKETCHES; sketch++) await writer.write(handedOver(sketchOf(sketch)));
  for (let body = 0; body < BODIES; body++) await writer.write(handedOver(bodyOf(body)));
  const lines = SKETCHES * LINES_PER_SKETCH + BODIES * LINES_PER_BODY;
  return { rows: heads.reduce((sum, { head }) => sum + head.stats().points, 0), lines };
}

// private functions

/** As calls of other threads come: V8 tells such texts and arrays from those made here, and knows whether memory ever was handed over. */
function handedOver(call: WriteCall): WriteCall {
  return structuredClone(call, { transfer: [call.body.buffer as ArrayBuffer] });
}

/** Lines of all kinds in turn, whose numbers take every width and whose fields are not all there. */
function sketchOf(sketch: number): WriteCall {
  let text = '';
  for (let line = 0; line < LINES_PER_SKETCH; line++) {
    const seconds = START_SECONDS + (line % 7) * STEP_SECONDS;
    if (line % 3 === 0) text += countOf(`counts_${sketch}`, line, seconds);
    else if (line % 3 === 1) text += measureOf(`measures_${sketch}`, line, seconds);
    else text += mixedOf(`mixed_${sketch}`, line, seconds);
  }
  return callOf(`sketch_${sketch}`, text);
}

function bodyOf(body: number): WriteCall {
  const round = Math.floor(body / BODIES_PER_ROUND);
  const kind = body % BODIES_PER_ROUND;
  const first = round * SERIES_PER_BODY;
  let text = '';
  for (let line = 0; line < LINES_PER_BODY; line++) {
    const step = round * BODIES_PER_ROUND + STEP_OF_BODY[kind];
    const seconds = START_SECONDS + step * STEP_SECONDS + (line < SERIES_PER_BODY ? 0 : STEP_SECONDS / 2);
    const series = first + (line % SERIES_PER_BODY);
    text += kind === BODIES_PER_ROUND - 1 ? measureOf('measures', series, seconds) : countOf('counts', series, seconds);
  }
  return callOf('warm-up', text);
}

function callOf(database: string, text: string): WriteCall {
  const target = { database, retentionPolicy: 'warm-up', precision: 'ns', wait: true } as const;
  return { ...target, body: encoder.encode(text), now: 0n, keptFrom: null };
}

function countOf(name: string, series: number, seconds: number): string {
  const region = `region_${series % 5}`;
  const near = `host=host_${series},region=${region},datacenter=${region}_${series % 3},rack=${series % 100},os=linux`;
  const far = `tier=${series % 4},service=service_${series % 20},service_version=${series % 2},environment=production`;
  const fields = Array.from({ length: COUNTS }, (_, i) => `count_${i}=${(series + i) % 101}i`);
  return `${name},${near},${far} ${fields.join(',')} ${seconds}000000000\n`;
}

function measureOf(name: string, series: number, seconds: number): string {
  const fields = Array.from({ length: MEASURES }, (_, i) => `measure_${i}=${((series + i) % 50) / 4 - 5}`);
  return `${name},name=a,sensor=sensor_${series} ${fields.join(',')} ${seconds}${String(series * 1000).padStart(9, '0')}\n`;
}

function mixedOf(name: string, line: number, seconds: number): string {
  const widths = `tiny=${line}i,small=${line * 500}i,large=${line * 1_000_000}i,huge=${line * 1_000_000_000_000}i`;
  const others = line % 4 === 0 ? '' : `,text="text ${line % 5}",decimal=${1 / (line + 3)},is_even=${line % 2 === 0}`;
  const more = line % 4 > 0 ? '' : Array.from({ length: FIELDS_MORE }, (_, i) => `,more_${i}=${i}`).join('');
  return `${name},sensor=${line % 9},plan=free ${widths}${others}${more} ${seconds}000000000\n`;
}
