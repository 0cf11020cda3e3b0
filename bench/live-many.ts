/**
 * Live-many: what many live queries cost one server. Each mode starts a fresh server, subscribes, then writes over HTTP as fast as it
 * is acknowledged (points of 2,000 hosts in 10 regions, at the time of writing):
 *
 *     one           one query
 *     distinct      10,000 different ones: half equality variants (`WHERE host = 'h7'`, windows of 1 to 60 s), half different windows
 *                   and aggregates by region
 *     subscribers   10,000 subscribers of one query
 *     windows       1,000 different windows over one measurement
 *     idle          4,000 queries of a measurement that nobody writes; nothing is written at all, for two minutes before it is measured
 *     none          no query, and nothing is written: what the idle ones are to be compared with
 *
 * Then what operators take of the processor for one subscriber and for all of them, `paced`: in one server, as two servers differ by more
 * than this; at a rate that both can keep, as it goes by time as well as by points; in turn, round by round, so that what else changes
 * meanwhile falls on both. The two of each round are compared.
 *
 * Printed: points per second; processor seconds per million points of the server's process, of its main thread, of the threads that
 * run shards and operators, and of the operators alone; the process's share of one core; rows that came to the subscribers, and how
 * many had none while that was measured; memory; and after how long, the writer going on, every subscriber had had a row that was not
 * of its snapshot. At the end, the rates beside that of one query, and the processor time of operators. In every region some
 * values grow and some fall, so that each row has something new to say. Writer and subscribers have a thread each and share the machine.
 * It is long because all of it is measured by the same threads.
 */
import { Agent } from 'node:http';
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads';
import { WebSocket } from 'ws';
import type { ServerFrame } from '../client/protocol/index.ts';
import { machineLine, quantile, table } from './report.ts';
import { cpuSeconds, flagValue, get, post, residentBytes } from './requests.ts';
import { type BenchServer, startMillrace } from './servers.ts';
import { askThread, startedThread } from './threads.ts';

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
/** Where nothing is written: until what subscribing left in memory is cleared, and who watches is told once a minute that it is quiet. */
const QUIET_WARM_UP_MS = 120_000;
/** Points per second that one query and many subscribers are compared at, how often, and for how long each time. */
const PACED_RATE = 200_000;
const ROUNDS = 10;
const ROUND_MS = 10_000;
/** Until what joining or leaving left to be done is done. */
const SETTLE_MS = 3_000;
/** For the last of the subscribers to have a row. */
const TOLD_SECONDS_MAX = 240;
const LOOK_MS = 500;

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

/** Processor seconds. */
interface Cpu {
  readonly process: number;
  readonly main: number;
  /** Of all threads that run shards and operators, and of the operators in them. */
  readonly workers: number;
  readonly live: number;
}

interface Measured extends Counts {
  readonly mode: Mode;
  readonly size: number;
  readonly points: number;
  readonly seconds: number;
  readonly cpu: Cpu;
  readonly rssBytes: number;
  /** null = some were still silent at the end. */
  readonly toldSeconds: number | null;
}

/**
 * Flags: `--mode NAME` (all of them else, `paced` too), `--size N` subscriptions, `--seconds N`, `--told N` seconds at most for all to
 * have a row, `--rate N` points per second (as many as go else), `--rounds N` of `paced`.
 */
export async function runLiveMany(args: readonly string[]): Promise<string> {
  const only = flagValue(args, '--mode');
  const seconds = Number(flagValue(args, '--seconds') ?? SECONDS);
  const rate = Number(flagValue(args, '--rate') ?? 0);
  const toldMax = Number(flagValue(args, '--told') ?? TOLD_SECONDS_MAX);
  const measured: Measured[] = [];
  for (const mode of MODES) {
    if (only !== undefined && only !== mode) continue;
    const size = mode === 'one' || mode === 'none' ? SIZES[mode] : Number(flagValue(args, '--size') ?? SIZES[mode]);
    measured.push(await measure(mode, size, { seconds, rate, toldMax }));
  }
  if (only !== undefined && only !== 'paced') return report(measured, null);
  const size = Number(flagValue(args, '--size') ?? SIZES.subscribers);
  const rounds = Number(flagValue(args, '--rounds') ?? ROUNDS);
  return report(measured, { size, rounds: await compare(size, rounds, rate || PACED_RATE) });
}

if (!isMainThread) {
  const { role, url, queries, rate } = workerData as ThreadWork;
  if (role === 'write') writeUntilTold(url, rate);
  else await watchUntilTold(url, queries);
}

// private functions

interface Limits {
  readonly seconds: number;
  /** 0 = as many as go. */
  readonly rate: number;
  readonly toldMax: number;
}

interface ThreadWork {
  readonly role: 'write' | 'watch';
  readonly url: string;
  readonly queries: readonly string[];
  readonly rate: number;
}

async function measure(mode: Mode, size: number, { seconds, rate, toldMax }: Limits): Promise<Measured> {
  const server = await startMillrace();
  await post(`${server.url}/write?db=bench`, bodyOf(0));
  await post(`${server.url}/write?db=bench`, Buffer.from('quiet,host=h0,region=r0 v=1 1'));
  const work = { url: server.url, queries: queriesOf(mode, size), rate };
  const watcher = await started({ ...work, role: 'watch' });
  const isWritten = mode !== 'idle' && mode !== 'none';
  const writer = !isWritten ? null : await started({ ...work, role: 'write' });
  await new Promise((resolve) => setTimeout(resolve, isWritten ? WARM_UP_MS : QUIET_WARM_UP_MS));
  await askThread(watcher, 'begin');
  const pointsBefore = writer === null ? 0 : await askThread<number>(writer, 'count');
  const cpuBefore = await cpuOf(server);
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const points = writer === null ? 0 : (await askThread<number>(writer, 'count')) - pointsBefore;
  const took = (performance.now() - began) / 1000;
  const cpu = difference(await cpuOf(server), cpuBefore);
  const rssBytes = residentBytes(server.pid);
  const counts = await askThread<Counts>(watcher, 'count');
  const toldSeconds = isWritten ? await everybodyTold(watcher, began, toldMax) : null;
  await Promise.all([watcher.terminate(), writer?.terminate()]);
  await server.stop();
  return { mode, size, points, seconds: took, cpu, rssBytes, toldSeconds, ...counts };
}

/** Processor seconds for each million points. */
interface Round {
  readonly one: Cpu;
  readonly many: Cpu;
}

/** The first of all rounds only warms up. */
async function compare(size: number, count: number, rate: number): Promise<Round[]> {
  const server = await startMillrace();
  await post(`${server.url}/write?db=bench`, bodyOf(0));
  const work = { url: server.url, rate };
  const first = await started({ ...work, role: 'watch', queries: queriesOf('one', 1) });
  const writer = await started({ ...work, role: 'write', queries: [] });
  const rounds: Round[] = [];
  for (let i = 0; i <= count; i++) {
    const one = await costOf(server, writer);
    const others = await started({ ...work, role: 'watch', queries: queriesOf('subscribers', size - 1) });
    const many = await costOf(server, writer);
    await others.terminate();
    if (i > 0) rounds.push({ one, many });
  }
  await Promise.all([first.terminate(), writer.terminate()]);
  await server.stop();
  return rounds;
}

async function costOf(server: BenchServer, writer: Worker): Promise<Cpu> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const [before, points] = [await cpuOf(server), await askThread<number>(writer, 'count')];
  await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  const [after, more] = [await cpuOf(server), await askThread<number>(writer, 'count')];
  const spent = difference(after, before);
  const each = (seconds: number): number => (seconds / (more - points)) * 1e6;
  return {
    process: each(spent.process),
    main: each(spent.main),
    workers: each(spent.workers),
    live: each(spent.live),
  };
}

/** Seconds from `began` until every subscriber had had a row. */
async function everybodyTold(watcher: Worker, began: number, secondsMax: number): Promise<number | null> {
  while (performance.now() - began < secondsMax * 1000) {
    if ((await askThread<number>(watcher, 'never told')) === 0) return (performance.now() - began) / 1000;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return null;
}

async function cpuOf({ url, pid }: BenchServer): Promise<Cpu> {
  const cpu = { process: cpuSeconds(pid), main: 0, workers: 0, live: 0 };
  for (const line of (await get(`${url}/metrics`)).split('\n')) {
    const found = /^millrace_(thread|live)_cpu_seconds_total\{thread="(main|worker)/.exec(line);
    if (found === null) continue;
    const part = found[1] === 'live' ? 'live' : found[2] === 'main' ? 'main' : 'workers';
    cpu[part] += Number(line.slice(line.lastIndexOf(' ')));
  }
  return cpu;
}

function difference(after: Cpu, before: Cpu): Cpu {
  const { process, main, workers, live } = before;
  return {
    process: after.process - process,
    main: after.main - main,
    workers: after.workers - workers,
    live: after.live - live,
  };
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
  return startedThread(import.meta.url, work);
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
  const neverTold = new Set(queries.keys());
  let bytes = 0;
  for (let from = 0; from < queries.length; from += SUBSCRIPTIONS_PER_SOCKET) {
    await watch(url, queries, from, Math.min(queries.length, from + SUBSCRIPTIONS_PER_SOCKET), (i, rows, size) => {
      rowsOf[i] += rows;
      if (rows > 0) neverTold.delete(i);
      bytes += size;
    });
  }
  parentPort!.on('message', (what: string) => {
    if (what === 'never told') {
      parentPort!.postMessage(neverTold.size);
      return;
    }
    const counts: Counts = {
      rows: rowsOf.reduce((sum, rows) => sum + rows, 0),
      bytes,
      silent: rowsOf.reduce((sum, rows) => sum + (rows === 0 ? 1 : 0), 0),
    };
    parentPort!.postMessage(counts);
    if (what === 'begin') for (const i of queries.keys()) neverTold.add(i);
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

function report(measured: readonly Measured[], paced: { size: number; rounds: readonly Round[] } | null): string {
  const whole = (n: number): string => Math.round(n).toLocaleString('en');
  const head =
    'mode,subscribers,points/s,cpu s/M,main,workers,operators,of a core,rows/s,silent,MB/s,RSS MiB,all told after s';
  const rows = [head.split(',')];
  for (const { mode, size, points, seconds, cpu, rssBytes, rows: received, bytes, silent, toldSeconds } of measured) {
    const perMillion = (seconds: number): string => (points === 0 ? '' : ((seconds / points) * 1e6).toFixed(3));
    rows.push([
      mode,
      whole(size),
      whole(points / seconds),
      ...[cpu.process, cpu.main, cpu.workers, cpu.live].map(perMillion),
      `${((cpu.process / seconds) * 100).toFixed(1)}%`,
      whole(received / seconds),
      whole(silent),
      (bytes / seconds / 1e6).toFixed(2),
      whole(rssBytes / 2 ** 20),
      points === 0 ? '' : (toldSeconds?.toFixed(1) ?? 'not in time'),
    ]);
  }
  const [one] = measured.filter(({ mode }) => mode === 'one');
  const beside = measured
    .filter(({ mode, points }) => one !== undefined && mode !== 'one' && points > 0)
    .map(({ mode, points, seconds }) => {
      const share = points / seconds / (one.points / one.seconds);
      return `${mode}: ${share.toFixed(2)} of the rate with one query\n`;
    });
  const first = `live-many: ${HOSTS} hosts, ${REGIONS} regions, bodies of ${LINES_PER_BODY} lines, ${CONNECTIONS} connections`;
  const parts = measured.length > 0 ? [`${table(rows)}\n`, ...(beside.length > 0 ? [beside.join('')] : [])] : [];
  if (paced !== null) parts.push(reportPaced(paced.size, paced.rounds));
  return `${first}\n${machineLine()}\n\n${parts.join('\n')}`;
}

/** Medians of all rounds, and of what the two of each round differ by, with the middle half of these. */
function reportPaced(size: number, rounds: readonly Round[]): string {
  const head = ['paced, cpu s/M', 'one subscriber', size.toLocaleString('en'), 'many / one', 'half of the rounds'];
  const rows = [head];
  for (const [name, of] of [
    ['operators', (cpu: Cpu) => cpu.live],
    ['threads that run shards and operators', (cpu: Cpu) => cpu.workers],
    ['main thread', (cpu: Cpu) => cpu.main],
  ] as const) {
    const shares = sorted(rounds.map(({ one, many }) => of(many) / of(one)));
    const median = (cpus: readonly Cpu[]): string => quantile(sorted(cpus.map(of)), 0.5).toFixed(3);
    const half = [0.25, 0.75].map((q) => quantile(shares, q).toFixed(2)).join(' to ');
    const [one, many] = [median(rounds.map((round) => round.one)), median(rounds.map((round) => round.many))];
    rows.push([name, one, many, quantile(shares, 0.5).toFixed(3), half]);
  }
  return `${table(rows)}\n${rounds.length} rounds\n`;
}

function sorted(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}
