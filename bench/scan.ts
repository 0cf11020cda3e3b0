/**
 * Scan: one column over everything. Its buckets, as many as there are cores, each with a part of the series, are read, checked and added
 * up as `sum` does, most numbers as they are stored (`scan-thread.ts`): by one thread one after the other, then by a thread each, as the server's shards do.
 * Warm (the files are in the system's cache), then cold (that cache dropped, where the machine lets us) beside the rate at which `dd`
 * says it reads the same files one after the other. Each column stands alone in its buckets, so that a scan reads the whole of them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Column, ORIGIN, TextDictionary } from '../model/index.ts';
import { BucketWriter, NodeFiles } from '../storage/index.ts';
import { machineLine, table } from './report.ts';
import { flagValue } from './requests.ts';
import { sumOf } from './scan-thread.ts';

const PARTS = 400;
const PART_ROWS = 100_000;
/** Of short series: each has as many values in a bucket, and some share a chunk. */
const SHORT_ROWS = 400;
/** The best of so many is told, for disks and machines are shared. */
const WARM_ROUNDS = 7;
const COLD_ROUNDS = 5;
const STEP_NS = 10_000_000_000;

/** Flags: `--parts N` of a hundred thousand values each, `--threads N`. */
export async function runScan(args: readonly string[]): Promise<string> {
  const threads = Number(flagValue(args, '--threads') ?? availableParallelism());
  const parts = Math.ceil(Number(flagValue(args, '--parts') ?? PARTS) / threads) * threads;
  const directory = mkdtempSync(join(tmpdir(), 'bench-scan-'));
  try {
    const rows = [HEADINGS];
    for (const kind of COLUMNS) {
      const column = await writeColumn(directory, kind, parts, threads);
      rows.push(...(await measure(column, threads)));
      for (const path of column.paths) rmSync(path);
    }
    const values = (parts * PART_ROWS).toLocaleString('en');
    return (
      `scan: ${values} values a column; all of them are read, checked and added up as sum() does, no chunk is answered by its statistics\n` +
      `a CPU second is one of the whole process: user and system, decoding and reading\n${machineLine()}\n\n${table(rows)}\n`
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

// private functions

const HEADINGS = [
  'column',
  'bytes/value',
  'threads',
  'M values/s warm',
  'per CPU second',
  'MB/s warm',
  'M values/s cold',
  'MB/s cold',
  'dd MB/s cold',
  'of dd',
];

type MakeColumn = (random: () => number) => Column;

interface ColumnKind {
  readonly name: string;
  readonly seriesRows: number;
  readonly make: MakeColumn;
}

const COLUMNS: readonly ColumnKind[] = [
  { name: 'integer walk', seriesRows: PART_ROWS, make: integers },
  { name: 'decimals', seriesRows: PART_ROWS, make: decimals },
  { name: 'doubles', seriesRows: PART_ROWS, make: doubles },
  { name: `integer walk, series of ${SHORT_ROWS}`, seriesRows: SHORT_ROWS, make: integers },
  { name: `decimals, series of ${SHORT_ROWS}`, seriesRows: SHORT_ROWS, make: decimals },
];

function integers(random: () => number): Column {
  return { type: 'integer', values: walk(random, 10, 1), present: null };
}

function decimals(random: () => number): Column {
  return { type: 'float', values: walk(random, 100, 0.01), present: null };
}

function doubles(random: () => number): Column {
  return { type: 'float', values: new Float64Array(PART_ROWS).map(() => random() * 1e6), present: null };
}

/** Up and down by up to `step`, times `unit`. */
function walk(random: () => number, step: number, unit: number): Float64Array {
  let value = 5_000;
  return new Float64Array(PART_ROWS).map(() => {
    value += Math.floor(random() * (2 * step + 1)) - step;
    return unit === 1 ? value : Number((value * unit).toFixed(2));
  });
}

interface Written {
  readonly name: string;
  readonly paths: readonly string[];
  readonly bytes: number;
  readonly values: number;
  readonly sum: number;
}

async function writeColumn(directory: string, kind: ColumnKind, parts: number, buckets: number): Promise<Written> {
  const { name } = kind;
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const paths = Array.from({ length: buckets }, (_, i) =>
    join(directory, `${i}-${name.replaceAll(/\W+/g, '-')}.bucket`),
  );
  let sum = 0;
  for (const path of paths) sum += await writeBucket(path, parts / buckets, kind, random);
  const bytes = paths.reduce((total, path) => total + statSync(path).size, 0);
  return { name, paths, bytes, values: parts * PART_ROWS, sum };
}

/** Gives the sum of what it wrote. */
async function writeBucket(
  path: string,
  parts: number,
  { seriesRows, make }: ColumnKind,
  random: () => number,
): Promise<number> {
  const opening = { database: 'bench', retentionPolicy: 'autogen', measurement: 'm', position: ORIGIN };
  const writer = await BucketWriter.create(new NodeFiles(), path, { ...opening, base: 0n });
  const partSeries = PART_ROWS / seriesRows;
  const offsets = new Float64Array(PART_ROWS).map((_, i) => (i % seriesRows) * STEP_NS);
  let sum = 0;
  for (let part = 0; part < parts; part++) {
    const column = make(random);
    for (const value of column.values as Float64Array) sum += value;
    const series = new Uint32Array(PART_ROWS).map((_, i) => part * partSeries + Math.floor(i / seriesRows));
    await writer.write({ rows: PART_ROWS, series, offsets, columns: new Map([['value', column]]) });
  }
  const keys = Array.from({ length: parts * partSeries }, (_, i) => `host=h${String(i).padStart(8, '0')}`);
  await writer.finish(TextDictionary.of(keys));
  return sum;
}

/** A row of the table for one thread, and one for many. */
async function measure(column: Written, threads: number): Promise<string[][]> {
  const alone = async (): Promise<number> => {
    let sum = 0;
    for (const path of column.paths) sum += await sumOf(path);
    return sum;
  };
  const rows = [await measured(column, 1, alone)];
  if (threads === 1) return rows;
  const script = new URL('./scan-thread.ts', import.meta.url);
  const workers = column.paths.map((path) => new Worker(script, { workerData: path }));
  const together = async (): Promise<number> => {
    const sums = await Promise.all(workers.map(answerOf));
    return sums.reduce((total, sum) => total + sum, 0);
  };
  try {
    rows.push(await measured(column, threads, together));
  } finally {
    for (const worker of workers) await worker.terminate();
  }
  return rows;
}

function answerOf(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (sum: number) => {
      worker.off('error', reject);
      resolve(sum);
    });
    worker.postMessage('scan');
  });
}

async function measured(column: Written, threads: number, scan: () => Promise<number>): Promise<string[]> {
  const { name, bytes, values, paths } = column;
  await timed(column, scan);
  const warm: Took[] = [];
  for (let round = 0; round < WARM_ROUNDS; round++) warm.push(await timed(column, scan));
  const elapsed = Math.min(...warm.map((took) => took.elapsed));
  const cpu = Math.min(...warm.map((took) => took.cpu));
  const found = [name, (bytes / values).toFixed(2), String(threads)];
  found.push(...[values / elapsed, values / cpu, bytes / elapsed].map((rate) => (rate / 1e6).toFixed(0)));
  const cold: number[] = [];
  const dd: number[] = [];
  for (let round = 0; round < COLD_ROUNDS; round++) {
    if (!dropCaches()) return [...found, '', 'not allowed', '', ''];
    dd.push(paths.reduce((total, path) => total + ddSeconds(path), 0));
    dropCaches();
    cold.push((await timed(column, scan)).elapsed);
  }
  const [seconds, ddBest] = [Math.min(...cold), Math.min(...dd)];
  found.push(...[values / seconds, bytes / seconds, bytes / ddBest].map((rate) => (rate / 1e6).toFixed(0)));
  return [...found, `${((100 * ddBest) / seconds).toFixed(0)} %`];
}

/** Seconds by the clock, and of the process's time on all cores. */
interface Took {
  readonly elapsed: number;
  readonly cpu: number;
}

async function timed({ sum: expected }: Written, scan: () => Promise<number>): Promise<Took> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const sum = await scan();
  const elapsed = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  if (!(Math.abs(sum - expected) <= Math.abs(expected) * 1e-9)) throw new Error(`the sum is ${sum}, not ${expected}`);
  return { elapsed, cpu: (user + system) / 1e6 };
}

/** As dd itself says. */
function ddSeconds(path: string): number {
  const env = { ...process.env, LC_ALL: 'C' };
  const { stderr } = spawnSync('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M'], { encoding: 'utf8', env });
  const seconds = Number(/copied, ([\d.e+-]+) s/.exec(stderr)?.[1]);
  if (!(seconds > 0)) throw new Error(`dd did not say how long it took: ${stderr}`);
  return seconds;
}

function dropCaches(): boolean {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}
