/**
 * Live-updates: row updates delivered to many sockets. One query over a table of 250 rows, all of which change before each emission;
 * 1,000 sockets watch it, each with a subscription of its own. Beside it, in the same run, a bare uWebSockets.js server that sends a
 * frame of the same bytes to as many sockets at the rate that was reached, and then as fast as they are read: what the sockets themselves
 * cost.
 *
 * Printed for each: row updates per second that came to the sockets, bytes, and processor time of the serving process. Readers have a
 * process' thread of their own, take frames as bytes (frame-socket.ts), and share the machine.
 */
import { spawn } from 'node:child_process';
import { isMainThread, parentPort, type Worker, workerData } from 'node:worker_threads';
import type { RowsFrame } from '../client/protocol/index.ts';
import { FrameSocket } from './frame-socket.ts';
import { machineLine, table } from './report.ts';
import { cpuSeconds, flagValue, post } from './requests.ts';
import { startMillrace } from './servers.ts';
import { askThread, startedThread } from './threads.ts';

const SOCKETS = 1_000;
const ROWS = 250;
/** Queries that share a stream speak five times a second at most. */
const EMISSION_MS = 200;
const SECONDS = 15;
const WARM_UP_MS = 3_000;
/** Of the rows of a table between two emissions, several times over: each emission has all of them. */
const WRITES_PER_EMISSION = 3;
const CONNECTING_AT_ONCE = 50;

const ERROR = Buffer.from('{"op":"error"');

interface Counts {
  readonly frames: number;
  readonly rows: number;
  readonly bytes: number;
}

interface Measured extends Counts {
  readonly name: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface ReaderWork {
  readonly url: string;
  readonly sockets: number;
  readonly subscribe: string | null;
}

/** Flags: `--sockets N`, `--rows N`, `--every MS` between two emissions, `--seconds N`. */
export async function runLiveUpdates(args: readonly string[]): Promise<string> {
  const sockets = Number(flagValue(args, '--sockets') ?? SOCKETS);
  const rows = Number(flagValue(args, '--rows') ?? ROWS);
  const everyMs = Number(flagValue(args, '--every') ?? EMISSION_MS);
  const seconds = Number(flagValue(args, '--seconds') ?? SECONDS);
  const ours = await measureOurs(sockets, rows, everyMs, seconds);
  const frameBytes = Math.round(ours.bytes / ours.frames);
  const perSecond = ours.frames / ours.seconds / sockets;
  const paced = await measureBare('uWebSockets.js at that rate', sockets, frameBytes, rows, 1000 / perSecond, seconds);
  const free = await measureBare('uWebSockets.js as it can', sockets, frameBytes, rows, 0, seconds);
  return report([ours, paced, free], sockets, rows, everyMs, frameBytes);
}

if (!isMainThread) await readUntilTold(workerData as ReaderWork);

// private functions

async function measureOurs(sockets: number, rows: number, everyMs: number, seconds: number): Promise<Measured> {
  const server = await startMillrace();
  await post(`${server.url}/write?db=bench`, tableOf(rows, 0));
  const q = `SELECT last(v) FROM board GROUP BY time(1d), host EMIT EVERY ${everyMs}ms ON CHANGE, ON CLOSE, ON LATE`;
  const subscribe = JSON.stringify({ op: 'subscribe', id: 's', db: 'bench', q, epoch: 'ms' });
  const reader = await started({ url: `${server.url}/live`, sockets, subscribe });
  let number = 1;
  let writing = false;
  const writer = setInterval(async () => {
    if (writing) return;
    writing = true;
    await post(`${server.url}/write?db=bench`, tableOf(rows, number++));
    writing = false;
  }, everyMs / WRITES_PER_EMISSION);
  const measured = await during(reader, server.pid, seconds);
  clearInterval(writer);
  await reader.terminate();
  await server.stop();
  return { name: 'millrace', ...measured };
}

async function measureBare(
  name: string,
  sockets: number,
  frameBytes: number,
  rows: number,
  everyMs: number,
  seconds: number,
): Promise<Measured> {
  const main = new URL('./bare-push.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, String(frameBytes), String(everyMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
    child.once('exit', (code) => reject(new Error(`the bare server ended with code ${code}`)));
  });
  const reader = await started({ url, sockets, subscribe: null });
  const measured = await during(reader, child.pid!, seconds);
  await reader.terminate();
  child.kill();
  return { name, ...measured, rows: measured.frames * rows };
}

async function during(reader: Worker, pid: number, seconds: number): Promise<Omit<Measured, 'name'>> {
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  await ask(reader);
  const began = performance.now();
  const cpuBefore = cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const counts = await ask(reader);
  return { ...counts, cpuSeconds: cpuSeconds(pid) - cpuBefore, seconds: (performance.now() - began) / 1000 };
}

function tableOf(rows: number, number: number): Buffer {
  const time = BigInt(Date.now()) * 1_000_000n;
  return Buffer.from(Array.from({ length: rows }, (_, i) => `board,host=h${i} v=${number * 7 + i} ${time}`).join('\n'));
}

function started(work: ReaderWork): Promise<Worker> {
  return startedThread(import.meta.url, work);
}

function ask(reader: Worker): Promise<Counts> {
  return askThread(reader, 'count');
}

async function readUntilTold({ url, sockets, subscribe }: ReaderWork): Promise<void> {
  let counts = { frames: 0, rows: 0, bytes: 0 };
  const rowsOf = new Map<number, number>();
  const took = (frame: Buffer): void => {
    if (frame.subarray(0, ERROR.length).equals(ERROR)) throw new Error(frame.toString());
    // `{"op":"rows"`; of frames that are as long as one before the rows are as many
    if (frame[7] !== 0x72 || frame[8] !== 0x6f) return;
    let rows = rowsOf.get(frame.length);
    if (rows === undefined) {
      const { series } = JSON.parse(frame.toString()) as RowsFrame;
      rows = series.reduce((sum, { values }) => sum + values.length, 0);
      rowsOf.set(frame.length, rows);
    }
    counts.frames++;
    counts.rows += rows;
    counts.bytes += frame.length;
  };
  for (let from = 0; from < sockets; from += CONNECTING_AT_ONCE) {
    const count = Math.min(CONNECTING_AT_ONCE, sockets - from);
    const opened = await Promise.all(Array.from({ length: count }, () => FrameSocket.connect(url, took)));
    if (subscribe !== null) for (const socket of opened) socket.send(subscribe);
  }
  parentPort!.on('message', () => {
    parentPort!.postMessage(counts);
    counts = { frames: 0, rows: 0, bytes: 0 };
  });
  parentPort!.postMessage('started');
}

function report(
  measured: readonly Measured[],
  sockets: number,
  rows: number,
  everyMs: number,
  frameBytes: number,
): string {
  const cells = [['server', 'row updates/s', 'frames/s', 'MB/s', 'of a core', 'cpu us per frame']];
  for (const { name, frames, rows: received, bytes, seconds, cpuSeconds: cpu } of measured) {
    cells.push([
      name,
      Math.round(received / seconds).toLocaleString('en'),
      Math.round(frames / seconds).toLocaleString('en'),
      (bytes / seconds / 1e6).toFixed(0),
      `${((cpu / seconds) * 100).toFixed(0)}%`,
      ((cpu / frames) * 1e6).toFixed(1),
    ]);
  }
  const head = `live-updates: ${sockets.toLocaleString('en')} sockets, a table of ${rows} rows, every ${everyMs} ms, frames of ${frameBytes} bytes`;
  return `${head}\n${machineLine()}\n\n${table(cells)}\n`;
}
