/**
 * Live: 100,000 points/s written over HTTP (acknowledged after fsync) while 100 subscribers watch: half of them a tail of probe points
 * that carry the moment at which they were sent, half of them ten different queries with windows of a second. Ten more watch
 * measurements that fall silent in the middle of a window, which the clock has to close. Prints the time
 *
 *     from sending a write to the frame with its point,
 *     from the end of a window to its final row; the same from when the first point behind the end was sent, for only that ends it,
 *     from the end of a silent window and IDLE to its final row.
 *
 * Writers, server and subscribers share the machine; writers and subscribers have a thread each. The subscribers' notes when a frame
 * came and reads it when all is over. What it may itself have added is printed beside the final rows: for how long it had been at work,
 * or had waited for a processor, when it noted the frame.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads';
import type { RowsFrame, ServerFrame } from '../client/protocol/index.ts';
import { FrameSocket } from './frame-socket.ts';
import { machineLine, quantile, table } from './report.ts';
import { flagValue } from './requests.ts';
import { startMillrace } from './servers.ts';
import { askThread, startedThread } from './threads.ts';

const POINTS_PER_SECOND = 100_000;
const BODIES_PER_SECOND = 100;
const HOSTS = 200;
const SUBSCRIBERS = 100;
const SILENT = 10;
const WINDOW_MS = 1_000;
const IDLE_MS = 1_000;
/** Between two points of a silent measurement: more than a window and IDLE. */
const SILENCE_MS = 4_000;
const WARM_UP_MS = 5_000;
const MEASURED_MS = 60_000;

const AGGREGATES = ['mean', 'max', 'min', 'sum', 'count', 'first', 'last', 'spread', 'stddev', 'median'];
const TAIL = 'SELECT sent FROM probe';

type Kind = 'tail' | 'window' | 'silent';

interface Noted {
  readonly kind: Kind;
  readonly atMs: number;
  /** What of the time until then the subscribers' thread may have added. */
  readonly ownMs: number;
  readonly frame: Buffer;
}

/** Times to frames, by what is measured, ms. */
interface Times {
  readonly tail: number[];
  readonly window: number[];
  readonly sent: number[];
  readonly own: number[];
  readonly silent: number[];
  readonly windows: number;
}

/** Flags: `--seconds N`, `--rate N` points per second. */
export async function runLive(args: readonly string[]): Promise<string> {
  const measuredMs = Number(flagValue(args, '--seconds') ?? MEASURED_MS / 1000) * 1000;
  const rate = Number(flagValue(args, '--rate') ?? POINTS_PER_SECOND);
  const server = await startMillrace();
  const writer = await started({ role: 'write', url: server.url, rate });
  const watcher = await started({ role: 'watch', url: server.url, rate });
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  watcher.postMessage('begin');
  await new Promise((resolve) => setTimeout(resolve, measuredMs));
  const times = await askThread<Times>(watcher, 'end');
  const written = await askThread<Written>(writer, 'end');
  await Promise.all([writer.terminate(), watcher.terminate()]);
  await server.stop();
  return report(written, times);
}

if (!isMainThread) {
  const { role, url, rate } = workerData as ThreadWork;
  if (role === 'write') await writeForEver(url, rate);
  else await watchAll(url);
}

// private functions

interface ThreadWork {
  readonly role: 'write' | 'watch';
  readonly url: string;
  readonly rate: number;
}

interface Written {
  readonly points: number;
  readonly seconds: number;
  readonly refused: number;
}

function started(work: ThreadWork): Promise<Worker> {
  return startedThread(import.meta.url, work);
}

async function watchAll(url: string): Promise<void> {
  const noted: Noted[] = [];
  const own = ownTime();
  let recording = false;
  const watch = async (kind: Kind, q: string): Promise<void> => {
    const socket = await FrameSocket.connect(`${url.replace('http', 'ws')}/live`, (frame) => {
      const atMs = preciseNow();
      const ownMs = own(atMs);
      if (recording) noted.push({ kind, atMs, ownMs, frame: Buffer.from(frame) });
    });
    socket.send(JSON.stringify({ op: 'subscribe', id: 's', db: 'bench', q, epoch: 'ms', mode: 'every' }));
  };
  for (let i = 0; i < SUBSCRIBERS / 2; i++) {
    await watch('tail', TAIL);
    await watch('window', `SELECT ${AGGREGATES[i % AGGREGATES.length]}(v) FROM load GROUP BY time(1s), region`);
  }
  for (let i = 0; i < SILENT; i++)
    await watch('silent', `SELECT sum(v) FROM silent${i} GROUP BY time(1s) WATERMARK IDLE ${IDLE_MS}ms`);
  parentPort!.on('message', (what: string) => {
    recording = what === 'begin';
    if (!recording) parentPort!.postMessage(timesOf(noted));
  });
  parentPort!.postMessage('started');
}

/** For how long, at most, this thread has kept what it reads waiting: since its loop last waited, and while it had no processor. */
function ownTime(): (nowMs: number) => number {
  let [idleMs, readyMs, waitedMs, beforeMs] = [0, 0, 0, 0];
  return (nowMs) => {
    const { idleTime } = performance.nodeTiming;
    if (idleTime !== idleMs) {
      const waited = waitedForProcessorMs();
      [idleMs, readyMs, waitedMs, beforeMs] = [idleTime, nowMs, waited, waited - waitedMs];
    }
    return nowMs - readyMs + beforeMs;
  };
}

/** 0 where the kernel does not tell. */
function waitedForProcessorMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

function timesOf(noted: readonly Noted[]): Times {
  const frames = noted.flatMap(({ frame, ...note }) => {
    const said = JSON.parse(frame.toString()) as ServerFrame;
    if (said.op === 'error' || said.op === 'gap' || said.op === 'reset') throw new Error(JSON.stringify(said));
    return said.op === 'rows' && said.phase === 'live' ? [{ ...note, said }] : [];
  });
  const times = { tail: [], window: [], sent: [], own: [], silent: [] } as {
    [Name in Exclude<keyof Times, 'windows'>]: number[];
  };
  const sentBehind = firstSentBehind(frames.filter(({ kind }) => kind === 'tail').map(({ said }) => said));
  const windows = new Set<number>();
  for (const { kind, atMs, ownMs, said } of frames) {
    for (const { values } of said.series) {
      for (const [time, value] of values as [number, number][]) {
        if (kind === 'tail') times.tail.push(atMs - value);
        if (kind === 'tail' || !said.final || said.rev > 0) continue;
        const endMs = time + WINDOW_MS;
        if (kind === 'silent') times.silent.push(atMs - endMs - IDLE_MS);
        else {
          windows.add(time);
          times.window.push(atMs - endMs);
          const sentMs = sentBehind(endMs);
          if (sentMs !== null) times.sent.push(atMs - sentMs);
          times.own.push(ownMs);
        }
      }
    }
  }
  return { ...times, windows: windows.size };
}

/** When the first point was sent that is not before a time, by what the tails said; null = none did. */
function firstSentBehind(tails: readonly RowsFrame[]): (endMs: number) => number | null {
  const sentMs = new Map<number, number>();
  for (const { series } of tails)
    for (const { values } of series) for (const [time, sent] of values as [number, number][]) sentMs.set(time, sent);
  const sorted = [...sentMs].sort((a, b) => a[0] - b[0]);
  return (endMs) => sorted.find(([time]) => time >= endMs)?.[1] ?? null;
}

/** Milliseconds since 1970 with fractions, the same clock in both threads. */
function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Bodies leave at their time whether or not earlier ones are answered, so a slow server is seen as latency, not as a slow writer. */
async function writeForEver(url: string, rate: number): Promise<void> {
  const perBody = rate / BODIES_PER_SECOND;
  const regions = Array.from({ length: HOSTS }, (_, h) => `region=r${h % 10},host=h${h}`);
  const began = preciseNow();
  let bodies = 0;
  let points = 0;
  let refused = 0;
  const send = (): void => {
    const due = Math.floor(((preciseNow() - began) / 1000) * BODIES_PER_SECOND);
    for (; bodies < due; bodies++) {
      const now = preciseNow();
      const time = BigInt(Math.floor(now * 1000)) * 1000n;
      const lines = [`probe sent=${now} ${time}`];
      for (let i = 1; i < perBody; i++) {
        const host = (bodies * perBody + i) % HOSTS;
        lines.push(`load,${regions[host]} v=${(i * 7) % 100} ${time + BigInt(i)}`);
      }
      post(`${url}/write?db=bench`, lines.join('\n')).then(
        (status) => (status === 204 ? (points += perBody) : refused++),
        () => refused++,
      );
    }
  };
  const silent = Array.from({ length: SILENT }, (_, i) => `silent${i} v=1`);
  await post(`${url}/write?db=bench`, ['probe sent=0 1', 'load,region=r0,host=h0 v=1 1', ...silent].join('\n'));
  const timer = setInterval(send, 2);
  // one after another, each at another place in its window
  for (let i = 0; i < SILENT; i++) {
    setTimeout(
      () =>
        setInterval(() => void post(`${url}/write?db=bench`, `silent${i} v=1 ${Date.now()}000000`), SILENCE_MS).unref(),
      (i * SILENCE_MS) / SILENT,
    );
  }
  parentPort!.postMessage('started');
  await new Promise((resolve) => parentPort!.once('message', resolve));
  clearInterval(timer);
  parentPort!.postMessage({ points, seconds: (preciseNow() - began) / 1000, refused } satisfies Written);
}

function post(url: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method: 'POST' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    req.on('error', reject);
    req.end(body);
  });
}

function report(written: Written, times: Times): string {
  const rows = [['time to frame, ms', 'p50', 'p90', 'p99', 'max', 'rows']];
  for (const [name, values] of [
    ['write to tail frame', times.tail],
    ['window end to final row', times.window],
    ['  from sending the first point behind it', times.sent],
    ["  of it the subscribers' own thread at most", times.own],
    ['silent window end and IDLE to final row', times.silent],
  ] as const) {
    const sorted = Float64Array.from(values).sort();
    const cells = [0.5, 0.9, 0.99, 1].map((q) => quantile(sorted, q).toFixed(1));
    rows.push([name, ...cells, sorted.length.toLocaleString('en')]);
  }
  const rate = Math.round(written.points / written.seconds).toLocaleString('en');
  const head = `live: ${rate} points/s acknowledged after fsync, ${written.refused} bodies refused, ${SUBSCRIBERS} subscribers, ${times.windows} windows of each query`;
  return `${head}\n${machineLine()}\n\n${table(rows)}\n`;
}
