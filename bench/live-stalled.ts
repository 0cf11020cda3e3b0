/**
 * Live-stalled: 1,000 readers of which 100 stop. 900 watch ten queries with windows of a second over 20,000 points/s; then 100 more
 * subscribe to a table of which 700 KB change every second, and read nothing, until their sockets and all the kernel keeps for them are
 * full. Rounds of both, in one run of the server.
 *
 * Printed: from the end of a window to its final row at the 900, without and with the stopped ones; what the process holds for each of
 * those, beyond the growth that it has without them; how many connections were lost; and whether those that stopped are told the
 * newest rows once they read again. Readers and writer have a thread each and share the machine.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { ServerFrame } from '../client/protocol/index.ts';
import { FrameSocket } from './frame-socket.ts';
import { machineLine, quantile, table } from './report.ts';
import { flagValue, get, post, residentBytes } from './requests.ts';
import { type BenchServer, startMillrace } from './servers.ts';

const READERS = 900;
const STOPPED = 100;
const POINTS_PER_BODY = 200;
const BODY_MS = 10;
const BOARD_ROWS = 1_000;
const BOARD_MS = 100;
const ROUNDS = 3;
const SECONDS = 10;
const WARM_UP_MS = 5_000;
const FULL_MS_MAX = 90_000;
const AGAIN_MS_MAX = 30_000;
const RSS_MS = 200;
const AGGREGATES = ['mean', 'max', 'min', 'sum', 'count', 'first', 'last', 'spread', 'stddev', 'median'];

interface Phase {
  readonly p50: number;
  readonly p99: number;
  readonly rows: number;
  readonly rssBytes: number;
  /** Middle of it, ms. */
  readonly atMs: number;
}

interface Round {
  readonly without: Phase;
  readonly stopped: Phase;
  readonly after: Phase;
  readonly heldBytes: number;
  readonly lost: number;
  readonly told: number;
}

/** Flags: `--rounds N`, `--seconds N` of each phase. */
export async function runLiveStalled(args: readonly string[]): Promise<string> {
  const rounds = Number(flagValue(args, '--rounds') ?? ROUNDS);
  const seconds = Number(flagValue(args, '--seconds') ?? SECONDS);
  const server = await startMillrace();
  await post(`${server.url}/write?db=bench`, loadOf(0));
  await post(`${server.url}/write?db=bench`, boardOf(0));
  const writer = await thread('write', server);
  const reader = await thread('read', server);
  await sleep(WARM_UP_MS);
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round++) measured.push(await measureRound(server, reader, seconds));
  await Promise.all([writer.terminate(), reader.terminate()]);
  await server.stop();
  return report(measured);
}

if (!isMainThread) {
  const { role, url } = workerData as { role: 'write' | 'read'; url: string };
  if (role === 'write') writeForEver(url);
  else await readForEver(url);
}

// private functions

async function measureRound(server: BenchServer, reader: Worker, seconds: number): Promise<Round> {
  const without = await measurePhase(server, reader, seconds);
  const letGoBefore = await metricOf(server, 'millrace_live_overflows_total');
  const stopped: FrameSocket[] = [];
  const newest: number[] = [];
  let reading = false;
  for (let i = 0; i < STOPPED; i++) {
    const socket = await FrameSocket.connect(`${server.url}/live`, (bytes) => {
      const frame = JSON.parse(bytes.toString()) as ServerFrame;
      if (frame.op === 'error') throw new Error(JSON.stringify(frame));
      if (frame.op === 'subscribed') socket.stop();
      if (reading && frame.op === 'rows') newest[i] = Date.now();
    });
    const q = `SELECT last(v) FROM board GROUP BY time(1d), host EMIT EVERY ${BOARD_MS}ms ON CHANGE, ON CLOSE, ON LATE`;
    const mode = i % 2 === 0 ? 'latest' : 'every';
    socket.send(JSON.stringify({ op: 'subscribe', id: 's', db: 'bench', q, epoch: 'ms', mode }));
    stopped.push(socket);
  }
  const full = async (): Promise<boolean> =>
    (await metricOf(server, 'millrace_live_overflows_total')) - letGoBefore >= STOPPED;
  await until(full, FULL_MS_MAX, 'the stopped readers were never let go');
  const during = await measurePhase(server, reader, seconds);
  const heldBytes = await metricOf(server, 'millrace_live_held_bytes');
  const lost = stopped.filter((socket) => socket.closed).length;
  reading = true;
  for (const socket of stopped) socket.go();
  await until(
    () => newest.filter(() => true).length === STOPPED,
    AGAIN_MS_MAX,
    'rows at readers that read again',
  ).catch(() => undefined);
  const told = newest.filter(() => true).length;
  for (const socket of stopped) socket.close();
  await sleep(WARM_UP_MS);
  const after = await measurePhase(server, reader, seconds);
  return { without, stopped: during, after, heldBytes, lost, told };
}

async function measurePhase(server: BenchServer, reader: Worker, seconds: number): Promise<Phase> {
  await ask(reader);
  const began = performance.now();
  const rss: number[] = [];
  while (performance.now() - began < seconds * 1000) {
    rss.push(residentBytes(server.pid));
    await sleep(RSS_MS);
  }
  const latencies = (await ask(reader)).sort();
  return {
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    rows: latencies.length,
    rssBytes: quantile(Float64Array.from(rss).sort(), 0.5),
    atMs: (began + performance.now()) / 2,
  };
}

function thread(role: 'write' | 'read', { url }: BenchServer): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { role, url } });
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve(worker));
    worker.once('error', reject);
  });
}

/** Milliseconds since the last question. */
function ask(reader: Worker): Promise<Float64Array> {
  return new Promise((resolve) => {
    reader.once('message', resolve);
    reader.postMessage('latencies');
  });
}

function writeForEver(url: string): void {
  const began = Date.now();
  let bodies = 0;
  let boards = 0;
  setInterval(() => {
    for (const due = (Date.now() - began) / BODY_MS; bodies < due; bodies++) {
      void post(`${url}/write?db=bench`, loadOf(bodies)).catch(() => undefined);
    }
    for (const due = (Date.now() - began) / BOARD_MS; boards < due; boards++) {
      void post(`${url}/write?db=bench`, boardOf(boards)).catch(() => undefined);
    }
  }, BODY_MS);
  parentPort!.postMessage('started');
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

async function readForEver(url: string): Promise<void> {
  let latencies: number[] = [];
  for (let i = 0; i < READERS; i++) {
    const q = `SELECT ${AGGREGATES[i % AGGREGATES.length]}(v) FROM load GROUP BY time(1s), region`;
    const socket = await FrameSocket.connect(`${url}/live`, (bytes) => {
      const now = performance.timeOrigin + performance.now();
      const frame = JSON.parse(bytes.toString()) as ServerFrame;
      if (frame.op === 'error') throw new Error(JSON.stringify(frame));
      if (frame.op !== 'rows' || !frame.final || frame.rev > 0 || frame.phase !== 'live') return;
      for (const { values } of frame.series)
        for (const row of values) latencies.push(now - ((row[0] as number) + 1000));
    });
    socket.send(JSON.stringify({ op: 'subscribe', id: 's', db: 'bench', q, epoch: 'ms', mode: 'every' }));
  }
  parentPort!.on('message', () => {
    parentPort!.postMessage(Float64Array.from(latencies));
    latencies = [];
  });
  parentPort!.postMessage('started');
}

async function metricOf({ url }: BenchServer, name: string): Promise<number> {
  const line = (await get(`${url}/metrics`)).split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

async function until(reached: () => boolean | Promise<boolean>, msMax: number, what: string): Promise<void> {
  const end = performance.now() + msMax;
  while (!(await reached())) {
    if (performance.now() > end) throw new Error(`${what} within ${msMax} ms`);
    await sleep(RSS_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function report(rounds: readonly Round[]): string {
  const cells = [
    [
      'round',
      'p50 ms',
      'with',
      'after',
      'p99 ms',
      'with',
      'after',
      'KiB a stopped one',
      'held KiB',
      'lost',
      'told again',
    ],
  ];
  for (const [i, { without, stopped, after, heldBytes, lost, told }] of rounds.entries()) {
    // as if the process had grown evenly from before to after
    const share = (stopped.atMs - without.atMs) / (after.atMs - without.atMs);
    const expected = without.rssBytes + (after.rssBytes - without.rssBytes) * share;
    cells.push([
      String(i + 1),
      ...[without, stopped, after].map(({ p50 }) => p50.toFixed(1)),
      ...[without, stopped, after].map(({ p99 }) => p99.toFixed(1)),
      ((stopped.rssBytes - expected) / STOPPED / 1024).toFixed(0),
      (heldBytes / 1024).toFixed(0),
      String(lost),
      `${told} of ${STOPPED}`,
    ]);
  }
  const head = `live-stalled: ${READERS} readers, ${STOPPED} that stop, ${(POINTS_PER_BODY * 1000) / BODY_MS} points/s`;
  return `${head}\n${machineLine()}\nfrom the end of a window to its final row, at those that read\n\n${table(cells)}\n`;
}
