/**
 * Live-many: what many live queries cost one server. Each mode starts a fresh server, subscribes, then writes over HTTP as fast as it
 * is acknowledged (points of 2,000 hosts in 10 regions, at the time of writing):
 *
 *     one           one query
 *     distinct      10,000 different ones: half equality variants (`WHERE host = 'h7'`, windows of 1 to 60 s), half different windows
 *                   and aggregates by region
 *     subscribers   10,000 subscribers of one query
 *     windows       1,000 different windows over one measurement
 *     idle          4,000 queries of a measurement that nobody writes; nothing is written at all
 *     none          no query, and nothing is written: what the idle ones are to be compared with
 *
 * Printed: points per second, processor seconds of the server's process per million points and its share of one core, rows that came
 * to the subscribers, subscribers that had none, and memory; at the end, the rates beside that of one query. In every region some values
 * grow and some fall, so that each row has something new to say. Writer and subscribers have a thread each and share the machine.
 */
import { Agent } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { WebSocket } from 'ws';
import type { ServerFrame } from '../client/protocol/index.ts';
import { machineLine, table } from './report.ts';
import { cpuSeconds, flagValue, post, residentBytes } from './requests.ts';
import { startMillrace } from './servers.ts';

const HOSTS = 2_000;
const REGIONS = 10;
const LINES_PER_BODY = 2_000;
const CONNECTIONS = 4;
/** Of one socket: the server allows no more than 256. */
const SUBSCRIPTIONS_PER_SOCKET = 250;
/** Of one socket under way at a time. */
const ASKED_AT_ONCE = 32;
const SECONDS = 30;
const WARM_UP_MS = 3_000;

/**
 * An exact median or percentile is not among them: it keeps every value, and costs by value whoever shares it. Nor is `first`, which
 * says nothing new until its window ends.
 */
const AGGREGATES = ['mean', 'max', 'min', 'sum', 'count', 'last', 'spread', 'stddev'];
const MODES = ['one', 'distinct', 'subscribers', 'windows', 'idle', 'none'] as const;
type Mode = (typeof MODES)[number];

const SIZES: Readonly<Record<Mode, number>> = {
  one: 1,
  distinct: 10_000,
  subscribers: 10_000,
  windows: 1_000,
  idle: 4_000,
  none: 0,
};

interface Counts {
  readonly rows: number;
  readonly bytes: number;
  readonly silent: number;
}

interface Measured extends Counts {
  readonly mode: Mode;
  readonly size: number;
  readonly points: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Flags: `--mode NAME` (all of them else), `--size N` subscriptions, `--seconds N`, `--rate N` points per second (as many as go else). */
export async function runLiveMany(args: readonly string[]): Promise<string> {
  const only = flagValue(args, '--mode');
  const seconds = Number(flagValue(args, '--seconds') ?? SECONDS);
  const rate = Number(flagValue(args, '--rate') ?? 0);
  const measured: Measured[] = [];
  for (const mode of MODES) {
    if (only !== undefined && only !== mode) continue;
    const size = mode === 'one' || mode === 'none' ? SIZES[mode] : Number(flagValue(args, '--size') ?? SIZES[mode]);
    measured.push(await measure(mode, size, seconds, rate));
  }
  return report(measured);
}

if (!isMainThread) {
  const { role, url, queries, rate } = workerData as ThreadWork;
  if (role === 'write') writeUntilTold(url, rate);
  else await watchUntilTold(url, queries);
}

// private functions

interface ThreadWork {
  readonly role: 'write' | 'watch';
  readonly url: string;
  readonly queries: readonly string[];
  readonly rate: number;
}

async function measure(mode: Mode, size: number, seconds: number, rate: number): Promise<Measured> {
  const server = await startMillrace();
  await post(`${server.url}/write?db=bench`, bodyOf(0));
  await post(`${server.url}/write?db=bench`, Buffer.from('quiet,host=h0,region=r0 v=1 1'));
  const work = { url: server.url, queries: queriesOf(mode, size), rate };
  const watcher = await started({ ...work, role: 'watch' });
  const isWritten = mode !== 'idle' && mode !== 'none';
  const writer = !isWritten ? null : await started({ ...work, role: 'write' });
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  await ask(watcher, 'count');
  const pointsBefore = writer === null ? 0 : await ask<number>(writer, 'count');
  const cpuBefore = cpuSeconds(server.pid);
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const points = writer === null ? 0 : (await ask<number>(writer, 'count')) - pointsBefore;
  const took = (performance.now() - began) / 1000;
  const cpu = cpuSeconds(server.pid) - cpuBefore;
  const rssBytes = residentBytes(server.pid);
  const counts = await ask<Counts>(watcher, 'count');
  await Promise.all([watcher.terminate(), writer?.terminate()]);
  await server.stop();
  return { mode, size, points, seconds: took, cpuSeconds: cpu, rssBytes, ...counts };
}

function queriesOf(mode: Mode, size: number): string[] {
  return Array.from({ length: size }, (_, i) => {
    const aggregate = AGGREGATES[(i >> 1) % AGGREGATES.length];
    if (mode === 'one' || mode === 'subscribers') return 'SELECT mean(v) FROM load GROUP BY time(10s), region';
    if (mode === 'windows') return `SELECT mean(v) FROM load GROUP BY time(${i + 1}s), region`;
    const host = `h${(i * 7) % HOSTS}`;
    if (mode === 'idle') return `SELECT mean(v) FROM quiet WHERE host = '${host}' GROUP BY time(${1 + (i % 60)}s)`;
    const half = i >> 1;
    // 59 windows and 2,000 hosts have no common divisor: no query twice
    if (i % 2 === 0)
      return `SELECT mean(v) FROM load WHERE host = 'h${half % HOSTS}' GROUP BY time(${1 + (half % 59)}s)`;
    return `SELECT ${aggregate}(v) FROM load GROUP BY time(${1 + Math.floor(half / AGGREGATES.length)}s), region`;
  });
}

function started(work: ThreadWork): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), { workerData: work });
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve(worker));
    worker.once('error', reject);
  });
}

function ask<T>(worker: Worker, what: string): Promise<T> {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.postMessage(what);
  });
}

function bodyOf(number: number): Buffer {
  const time = BigInt(Date.now()) * 1_000_000n + BigInt(number % 1_000_000);
  const lines = Array.from({ length: LINES_PER_BODY }, (_, i) => {
    const host = (number * LINES_PER_BODY + i) % HOSTS;
    const grows = Math.floor(host / REGIONS) % 2 === 0 ? 1 : -1;
    return `load,host=h${host},region=r${host % REGIONS} v=${((i * 7) % 100) + grows * number} ${time}`;
  });
  return Buffer.from(lines.join('\n'));
}

function writeUntilTold(url: string, rate: number): void {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let number = 1;
  let points = 0;
  const began = performance.now();
  const connection = async (): Promise<void> => {
    for (;;) {
      const body = number++;
      const dueMs = rate === 0 ? 0 : began + ((body * LINES_PER_BODY) / rate) * 1000;
      if (dueMs > performance.now()) await new Promise((resolve) => setTimeout(resolve, dueMs - performance.now()));
      await post(`${url}/write?db=bench`, bodyOf(body), agent);
      points += LINES_PER_BODY;
    }
  };
  for (let i = 0; i < CONNECTIONS; i++) void connection();
  parentPort!.on('message', () => parentPort!.postMessage(points));
  parentPort!.postMessage('started');
}

async function watchUntilTold(url: string, queries: readonly string[]): Promise<void> {
  const rowsOf = new Uint32Array(queries.length);
  let bytes = 0;
  for (let from = 0; from < queries.length; from += SUBSCRIPTIONS_PER_SOCKET) {
    await watch(url, queries, from, Math.min(queries.length, from + SUBSCRIPTIONS_PER_SOCKET), (i, rows, size) => {
      rowsOf[i] += rows;
      bytes += size;
    });
  }
  parentPort!.on('message', () => {
    const counts: Counts = {
      rows: rowsOf.reduce((sum, rows) => sum + rows, 0),
      bytes,
      silent: rowsOf.reduce((sum, rows) => sum + (rows === 0 ? 1 : 0), 0),
    };
    parentPort!.postMessage(counts);
    rowsOf.fill(0);
    bytes = 0;
  });
  parentPort!.postMessage('started');
}

/** Resolves when each of them has had its first frame. */
function watch(
  url: string,
  queries: readonly string[],
  from: number,
  to: number,
  took: (query: number, rows: number, bytes: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/live`);
    const answered = new Set<string>();
    let next = from;
    const subscribe = (): void => {
      if (next >= to) return;
      const id = String(next);
      socket.send(JSON.stringify({ op: 'subscribe', id, db: 'bench', q: queries[next++], epoch: 'ms' }));
    };
    socket.on('error', reject);
    socket.on('open', () => {
      for (let i = 0; i < ASKED_AT_ONCE; i++) subscribe();
    });
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as ServerFrame;
      if (frame.op === 'error') reject(new Error(JSON.stringify(frame)));
      if (frame.op !== 'rows') return;
      const rows = frame.series.reduce((sum, { values }) => sum + values.length, 0);
      took(Number(frame.id), rows, data.length);
      if (answered.has(frame.id)) return;
      answered.add(frame.id);
      subscribe();
      if (answered.size === to - from) resolve();
    });
  });
}

function report(measured: readonly Measured[]): string {
  const whole = (n: number): string => Math.round(n).toLocaleString('en');
  const rows = [
    ['mode', 'subscribers', 'points/s', 'cpu s/M points', 'of a core', 'rows/s', 'silent', 'MB/s', 'RSS MiB'],
  ];
  for (const { mode, size, points, seconds, cpuSeconds, rssBytes, rows: received, bytes, silent } of measured) {
    rows.push([
      mode,
      whole(size),
      whole(points / seconds),
      points === 0 ? '' : ((cpuSeconds / points) * 1e6).toFixed(2),
      `${((cpuSeconds / seconds) * 100).toFixed(1)}%`,
      whole(received / seconds),
      whole(silent),
      (bytes / seconds / 1e6).toFixed(2),
      whole(rssBytes / 2 ** 20),
    ]);
  }
  const rateOf = (mode: Mode): number =>
    measured.filter((m) => m.mode === mode).map((m) => m.points / m.seconds)[0] ?? 0;
  const beside = (['distinct', 'subscribers', 'windows'] as const)
    .filter((mode) => rateOf('one') > 0 && rateOf(mode) > 0)
    .map((mode) => `${mode}: ${(rateOf(mode) / rateOf('one')).toFixed(2)} of the rate with one query\n`);
  return `live-many: ${HOSTS} hosts, ${REGIONS} regions, bodies of ${LINES_PER_BODY} lines, ${CONNECTIONS} connections\n${machineLine()}\n\n${table(rows)}\n\n${beside.join('')}`;
}
