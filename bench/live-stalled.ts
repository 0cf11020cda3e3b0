/**
 * Live-stalled: 1,000 readers of which 100 stop. 900 watch ten queries with windows of a quarter of a second over 20,000 points/s; 100
 * more have subscribed to a table of which 700 KB change every second, and read nothing, until their sockets and all the kernel keeps
 * for them are full and the server has let go of what it held.
 *
 *     with      the 100 are subscribed, and do not read
 *     without   the same connections, as full as before, without a subscription
 *
 * Both in turn, many short periods on one server, so that what else the machine does falls on both alike. Printed: from the end of a
 * window to its final row at the 900, all periods together; how the 99th percentiles compare, with an interval that holds 95 % of what
 * comes out when pairs of periods are drawn again and again; what the server counts of each stopped reader (frames held, and bytes
 * in its socket that the kernel has not taken), and how its memory differs between the two; how many connections were lost; and
 * whether those that stopped are told the newest rows once they read again. Readers and writer have a thread each and share the machine.
 */
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads';
import type { ServerFrame } from '../client/protocol/index.ts';
import { FrameSocket } from './frame-socket.ts';
import { Histogram, intervalOf95 } from './histogram.ts';
import { machineLine, quantile, table } from './report.ts';
import { flagValue, get, post, residentBytes } from './requests.ts';
import { type BenchServer, startMillrace } from './servers.ts';
import { askThread, startedThread } from './threads.ts';

const READERS = 900;
const STOPPED = 100;
const WINDOW_MS = 250;
const POINTS_PER_BODY = 200;
const BODY_MS = 10;
const LOADS_AT_ONCE = 8;
const BOARD_ROWS = 1_000;
const BOARD_MS = 100;
const PAIRS = 20;
const SECONDS = 4;
const WARM_UP_MS = 5_000;
/** After a change from one state to the other. */
const SETTLE_MS = 1_000;
const FULL_MS_MAX = 240_000;
const AGAIN_MS_MAX = 60_000;
const LOOK_MS = 200;
const AGGREGATES = ['mean', 'max', 'min', 'sum', 'count', 'first', 'last', 'spread', 'stddev', 'median'];

interface Period {
  readonly latencies: Histogram;
  readonly windows: number;
  /** By the server: held for clients, in their sockets, and outside of the main thread's heap. */
  readonly heldBytes: number;
  readonly bufferedBytes: number;
  readonly externalBytes: number;
  readonly rssBytes: number;
}

interface Pair {
  readonly with: Period;
  readonly without: Period;
}

interface Sizes {
  readonly pairs: number;
  readonly seconds: number;
  readonly readers: number;
  /** Of those that stop. */
  readonly count: number;
}

interface Run {
  readonly seconds: number;
  readonly readers: number;
  readonly stopped: number;
  readonly lost: number;
  readonly told: number;
}

interface StoppedReader {
  readonly socket: FrameSocket;
  /** Asks for the board anew. */
  subscribe(snapshot: boolean): void;
  unsubscribe(): void;
  /** Reads again; `isTold` once a value of the board that is as new as `boards` has come. */
  go(boards: number): void;
  readonly isTold: boolean;
}

/** Flags: `--pairs N`, `--seconds N` of each period, `--readers N`, `--stopped N`. */
export async function runLiveStalled(args: readonly string[]): Promise<string> {
  const pairs = Number(flagValue(args, '--pairs') ?? PAIRS);
  const seconds = Number(flagValue(args, '--seconds') ?? SECONDS);
  const readers = Number(flagValue(args, '--readers') ?? READERS);
  const count = Number(flagValue(args, '--stopped') ?? STOPPED);
  const server = await startMillrace();
  try {
    return await measureOn(server, { pairs, seconds, readers, count });
  } finally {
    await server.stop();
  }
}

if (!isMainThread) {
  const { role, url, readers } = workerData as { role: 'write' | 'read'; url: string; readers: number };
  if (role === 'write') writeForEver(url);
  else await readForEver(url, readers);
}

// private functions

async function measureOn(server: BenchServer, { pairs, seconds, readers, count }: Sizes): Promise<string> {
  await post(`${server.url}/write?db=bench`, loadOf(0));
  await post(`${server.url}/write?db=bench`, boardOf(0));
  const writer = await thread('write', server, 0);
  const reader = await thread('read', server, readers);
  const stopped: StoppedReader[] = [];
  for (let i = 0; i < count; i++) stopped.push(await stoppedReader(server, i % 2 === 0 ? 'latest' : 'every'));
  await letGo(server, stopped, true);
  await sleep(WARM_UP_MS);
  const measured: Pair[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // the one that was first is second in the next pair
    const first = await measurePeriod(server, reader, seconds);
    const startedWith = pair % 2 === 0;
    if (startedWith) await leave(server, stopped, readers);
    else await letGo(server, stopped, false);
    const second = await measurePeriod(server, reader, seconds);
    measured.push(startedWith ? { with: first, without: second } : { with: second, without: first });
  }
  if (pairs % 2 === 1) await letGo(server, stopped, false);
  const lost = stopped.filter(({ socket }) => socket.closed).length;
  const boards = await boardsWritten(server);
  for (const one of stopped) one.go(boards);
  const isToldAll = (): boolean => stopped.every(({ isTold }) => isTold);
  await until(isToldAll, AGAIN_MS_MAX, 'rows at readers that read again').catch(() => undefined);
  const told = stopped.filter(({ isTold }) => isTold).length;
  for (const { socket } of stopped) socket.close();
  await Promise.all([writer.terminate(), reader.terminate()]);
  return report(measured, { seconds, readers, stopped: count, lost, told });
}

/** Stops reading once it is subscribed for the first time. */
async function stoppedReader({ url }: BenchServer, mode: 'latest' | 'every'): Promise<StoppedReader> {
  let wanted = Number.POSITIVE_INFINITY;
  let isTold = false;
  const socket = await FrameSocket.connect(`${url}/live`, (bytes) => {
    const frame = JSON.parse(bytes.toString()) as ServerFrame;
    if (frame.op === 'error') throw new Error(JSON.stringify(frame));
    if (frame.op === 'subscribed' && wanted === Number.POSITIVE_INFINITY) socket.stop();
    if (frame.op !== 'rows') return;
    for (const { tags, values } of frame.series) {
      const host = Number(tags!['host'].slice(1));
      for (const [, value] of values) if ((value as number) - host >= wanted) isTold = true;
    }
  });
  const q = `SELECT last(v) FROM board GROUP BY time(1d), host EMIT EVERY ${BOARD_MS}ms ON CHANGE, ON CLOSE, ON LATE`;
  return {
    socket,
    subscribe: (snapshot) =>
      socket.send(JSON.stringify({ op: 'subscribe', id: 's', db: 'bench', q, epoch: 'ms', mode, snapshot })),
    unsubscribe: () => socket.send(JSON.stringify({ op: 'unsubscribe', id: 's' })),
    go(boards) {
      wanted = boards;
      socket.go();
    },
    get isTold() {
      return isTold;
    },
  };
}

/** Subscribes them, until the server has let go of what it held for them. */
async function letGo(server: BenchServer, stopped: readonly StoppedReader[], snapshot: boolean): Promise<void> {
  const before = await metricOf(server, 'millrace_live_overflows_total');
  for (const one of stopped) one.subscribe(snapshot);
  const isDone = async (): Promise<boolean> =>
    (await metricOf(server, 'millrace_live_overflows_total')) - before >= stopped.length;
  await until(isDone, FULL_MS_MAX, 'the stopped readers were never let go');
  await sleep(SETTLE_MS);
}

async function leave(server: BenchServer, stopped: readonly StoppedReader[], readers: number): Promise<void> {
  for (const one of stopped) one.unsubscribe();
  const hasLeft = async (): Promise<boolean> => (await metricOf(server, 'millrace_subscriptions')) === readers;
  await until(hasLeft, FULL_MS_MAX, 'the stopped readers did not leave');
  await sleep(SETTLE_MS);
}

async function measurePeriod(server: BenchServer, reader: Worker, seconds: number): Promise<Period> {
  await ask(reader);
  await sleep(seconds * 1000);
  const [ends, latencies] = await ask(reader);
  const histogram = new Histogram();
  for (const latency of latencies) histogram.add(latency);
  const outside = 'SELECT last(external_bytes) FROM process';
  return {
    latencies: histogram,
    windows: new Set(ends).size,
    heldBytes: await metricOf(server, 'millrace_live_held_bytes'),
    bufferedBytes: await metricOf(server, 'millrace_socket_buffered_bytes'),
    externalBytes: await askNumber(server, '_internal', outside),
    rssBytes: residentBytes(server.pid),
  };
}

function thread(role: 'write' | 'read', { url }: BenchServer, readers: number): Promise<Worker> {
  return startedThread(import.meta.url, { role, url, readers });
}

/** Since the last question, of each row: the end of its window, and for how many ms it was on its way from there. */
function ask(reader: Worker): Promise<[ends: Float64Array, latencies: Float64Array]> {
  return askThread(reader, 'latencies');
}

function writeForEver(url: string): void {
  void writeOnTime(BODY_MS, LOADS_AT_ONCE, (number) => post(`${url}/write?db=bench`, loadOf(number)));
  // one after the other: rows that come in order are told as they come
  void writeOnTime(BOARD_MS, 1, (number) => post(`${url}/write?db=bench`, boardOf(number)));
  parentPort!.postMessage('started');
}

/** One every so many ms, `atOnce` of them under way at most; what is behind time catches up. */
async function writeOnTime(everyMs: number, atOnce: number, write: (number: number) => Promise<void>): Promise<void> {
  const began = performance.now();
  let number = 0;
  const lane = async (): Promise<void> => {
    for (;;) {
      const dueMs = began + number++ * everyMs;
      if (dueMs > performance.now()) await sleep(dueMs - performance.now());
      await write(number).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function loadOf(number: number): Buffer {
  const time = BigInt(Date.now()) * 1_000_000n;
  const line = (i: number): string =>
    `load,region=r${i % 10},host=h${(number * 7 + i) % 200} v=${i % 100} ${time + BigInt(i)}`;
  return Buffer.from(Array.from({ length: POINTS_PER_BODY }, (_, i) => line(i)).join('\n'));
}

function boardOf(number: number): Buffer {
  const time = BigInt(Date.now()) * 1_000_000n;
  return Buffer.from(
    Array.from({ length: BOARD_ROWS }, (_, i) => `board,host=h${i} v=${number + i} ${time}`).join('\n'),
  );
}

function boardsWritten(server: BenchServer): Promise<number> {
  return askNumber(server, 'bench', "SELECT last(v) FROM board WHERE host = 'h0'");
}

async function readForEver(url: string, readers: number): Promise<void> {
  let ends: number[] = [];
  let latencies: number[] = [];
  for (let i = 0; i < readers; i++) {
    const q = `SELECT ${AGGREGATES[i % AGGREGATES.length]}(v) FROM load GROUP BY time(${WINDOW_MS}ms), region`;
    const socket = await FrameSocket.connect(`${url}/live`, (bytes) => {
      const now = performance.timeOrigin + performance.now();
      const frame = JSON.parse(bytes.toString()) as ServerFrame;
      if (frame.op === 'error') throw new Error(JSON.stringify(frame));
      if (frame.op !== 'rows' || !frame.final || frame.rev > 0 || frame.phase !== 'live') return;
      for (const { values } of frame.series) {
        for (const [start] of values) {
          const end = (start as number) + WINDOW_MS;
          ends.push(end);
          latencies.push(now - end);
        }
      }
    });
    socket.send(JSON.stringify({ op: 'subscribe', id: 's', db: 'bench', q, epoch: 'ms', mode: 'every' }));
  }
  parentPort!.on('message', () => {
    parentPort!.postMessage([Float64Array.from(ends), Float64Array.from(latencies)]);
    ends = [];
    latencies = [];
  });
  parentPort!.postMessage('started');
}

/** 0 = it is not there. */
async function metricOf({ url }: BenchServer, name: string): Promise<number> {
  const line = (await get(`${url}/metrics`)).split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

/** The one value of an answer. */
async function askNumber({ url }: BenchServer, database: string, query: string): Promise<number> {
  const answer = await get(`${url}/query?db=${database}&q=${encodeURIComponent(query)}`);
  return JSON.parse(answer).results[0].series[0].values[0][1];
}

async function until(reached: () => boolean | Promise<boolean>, msMax: number, what: string): Promise<void> {
  const end = performance.now() + msMax;
  while (!(await reached())) {
    if (performance.now() > end) throw new Error(`${what} within ${msMax} ms`);
    await sleep(LOOK_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function report(pairs: readonly Pair[], { seconds, readers, stopped, lost, told }: Run): string {
  const states = ['without', 'with'] as const;
  const cells = [['stopped ones', 'windows', 'rows', 'p50 ms', 'p99 ms']];
  const p99 = (drawn: readonly Pair[], state: keyof Pair): number =>
    Histogram.sum(drawn.map((pair) => pair[state].latencies)).quantile(0.99);
  for (const state of states) {
    const all = Histogram.sum(pairs.map((pair) => pair[state].latencies));
    cells.push([
      state,
      String(pairs.reduce((sum, pair) => sum + pair[state].windows, 0)),
      all.count.toLocaleString('en'),
      all.quantile(0.5).toFixed(1),
      all.quantile(0.99).toFixed(1),
    ]);
  }
  const ratio = (drawn: readonly Pair[]): number => p99(drawn, 'with') / p99(drawn, 'without');
  const [low, high] = intervalOf95(pairs, ratio);
  const middle = (of: (pair: Pair) => number): number => quantile(Float64Array.from(pairs, of).sort(), 0.5);
  const kib = (of: (period: Period) => number, beyond: (period: Period) => number = () => 0): string =>
    (middle((pair) => of(pair.with) - beyond(pair.without)) / stopped / 1024).toFixed(1);
  const more = (of: (period: Period) => number): string => kib(of, of);
  return `live-stalled: ${readers} readers, ${stopped} that stop, ${(POINTS_PER_BODY * 1000) / BODY_MS} points/s; ${pairs.length} pairs of periods of ${seconds} s
${machineLine()}
from the end of a window to its final row, at those that read

${table(cells)}

p99 with / without: ${ratio(pairs).toFixed(3)} (95 %: ${low.toFixed(3)} to ${high.toFixed(3)})
KiB a stopped reader, by the server's own count: frames held ${kib((one) => one.heldBytes)}, in its socket ${kib((one) => one.bufferedBytes)}
KiB more a stopped reader than without: outside the heap ${more((one) => one.externalBytes)}, resident ${more((one) => one.rssBytes)}
connections lost: ${lost}; told the newest rows again: ${told} of ${stopped}
`;
}
