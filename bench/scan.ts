/**
 * Scan: one column over everything a bucket holds, its blocks read, checked, decoded and added up, on one thread: warm (the file is in the system's
 * cache), then cold (that cache dropped, where the machine lets us) beside what `dd` reads of the same file in a second. Columns: random walks of integers,
 * decimals with two places, doubles without a pattern. Each stands alone in its bucket, so that a cold scan reads the whole file.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Column, ORIGIN, TextDictionary } from '../model/index.ts';
import { BlockCache, BucketReader, BucketWriter, NodeFiles } from '../storage/index.ts';
import { machineLine, table } from './report.ts';
import { flagValue } from './requests.ts';

const SERIES = 200;
const ROWS_PER_SERIES = 100_000;
const PART_SERIES = 1;
const ROUNDS = 5;
const STEP_NS = 10_000_000_000;

/** Flags: `--series N` of a hundred thousand values each. */
export async function runScan(args: readonly string[]): Promise<string> {
  const series = Number(flagValue(args, '--series') ?? SERIES);
  const directory = mkdtempSync(join(tmpdir(), 'bench-scan-'));
  try {
    const rows = [
      ['column', 'bytes/value', 'M values/s warm', 'per CPU second', 'MB/s warm', 'MB/s cold', 'dd MB/s cold'],
    ];
    for (const [name, make] of Object.entries(COLUMNS)) {
      const path = join(directory, `${name.replaceAll(' ', '-')}.bucket`);
      rows.push([name, ...(await measure(path, series, make))]);
    }
    return `scan: ${(series * ROWS_PER_SERIES).toLocaleString('en')} values a column, one thread\n${machineLine()}\n\n${table(rows)}\n`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

// private functions

type MakeColumn = (random: () => number) => Column;

const COLUMNS: Readonly<Record<string, MakeColumn>> = {
  'integer walk': (random) => ({ type: 'integer', values: walk(random, 10, 1), present: null }),
  decimals: (random) => ({ type: 'float', values: walk(random, 100, 0.01), present: null }),
  doubles: (random) => ({
    type: 'float',
    values: new Float64Array(ROWS_PER_SERIES).map(() => random() * 1e6),
    present: null,
  }),
};

/** Up and down by up to `step`, times `unit`. */
function walk(random: () => number, step: number, unit: number): Float64Array {
  let value = 5_000;
  return new Float64Array(ROWS_PER_SERIES).map(() => {
    value += Math.floor(random() * (2 * step + 1)) - step;
    return unit === 1 ? value : Number((value * unit).toFixed(2));
  });
}

async function measure(path: string, series: number, make: MakeColumn): Promise<string[]> {
  const files = new NodeFiles();
  const expected = await write(files, path, series, make);
  const file = await files.open(path, 'read');
  const bytes = await file.size();
  const source = {
    path,
    bytes,
    readSync: (target: Uint8Array, at: number) => file.readSync(target, at),
    close: () => file.close(),
  };
  /** Seconds of this thread's time, and by the clock. */
  const scan = (): { cpu: number; elapsed: number } => {
    const cache = new BlockCache();
    const reader = BucketReader.open(source, files, cache, cache.register());
    const began = performance.now();
    const { user } = process.cpuUsage();
    let sum = 0;
    for (const { rows, columns } of reader.scan({
      minTime: MIN,
      maxTime: MAX,
      series: null,
      fields: ['value'],
      map: null,
    })) {
      const values = columns.get('value')!.values as Float64Array;
      for (let i = 0; i < rows; i++) sum += values[i];
    }
    if (sum !== expected && Math.abs(sum - expected) > Math.abs(expected) * 1e-9)
      throw new Error(`the sum is ${sum}, not ${expected}`);
    const { user: userNow } = process.cpuUsage();
    return { cpu: (userNow - user) / 1e6, elapsed: (performance.now() - began) / 1000 };
  };
  scan();
  const rounds = Array.from({ length: ROUNDS }, scan);
  const warm = Math.min(...rounds.map(({ elapsed }) => elapsed));
  const cpu = Math.min(...rounds.map((round) => round.cpu));
  const count = series * ROWS_PER_SERIES;
  const found = [
    (bytes / count).toFixed(2),
    (count / warm / 1e6).toFixed(0),
    (count / cpu / 1e6).toFixed(0),
    (bytes / warm / 1e6).toFixed(0),
  ];
  if (!dropCaches()) return [...found, 'not allowed', ''];
  const dd = ddRate(path, bytes);
  dropCaches();
  const cold = bytes / scan().elapsed / 1e6;
  await file.close();
  return [...found, cold.toFixed(0), dd.toFixed(0)];
}

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

async function write(files: NodeFiles, path: string, series: number, make: MakeColumn): Promise<number> {
  const keys = Array.from({ length: series }, (_, i) => `host=h${String(i).padStart(5, '0')}`);
  const opening = { database: 'bench', retentionPolicy: 'autogen', measurement: 'm', position: ORIGIN };
  const writer = await BucketWriter.create(files, path, { ...opening, base: 0n });
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  let sum = 0;
  for (let s = 0; s < series; s += PART_SERIES) {
    const offsets = new Float64Array(ROWS_PER_SERIES).map((_, i) => i * STEP_NS);
    const column = make(random);
    for (const value of column.values as Float64Array) sum += value;
    const numbers = new Uint32Array(ROWS_PER_SERIES).fill(s);
    await writer.write({ rows: ROWS_PER_SERIES, series: numbers, offsets, columns: new Map([['value', column]]) });
  }
  await writer.finish(TextDictionary.of(keys));
  return sum;
}

function ddRate(path: string, bytes: number): number {
  const began = performance.now();
  spawnSync('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M'], { stdio: 'ignore' });
  return bytes / ((performance.now() - began) / 1000) / 1e6;
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
