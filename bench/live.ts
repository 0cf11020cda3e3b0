/**
 * Live: 100,000 points/s written over HTTP (acknowledged after fsync) while 100 subscribers watch: half of them a tail of probe points
 * that carry the moment at which they were sent, half of them ten different queries with windows of a second. Ten more watch
 * measurements that fall silent in the middle of a window, which the clock has to close. Prints the time from sending a write to the
 * frame with its point, from the end of a window to its final row, and from the end of a silent window and IDLE to its. Writers, server
 * and subscribers share the machine; writers run in a thread of their own.
 */
import { request } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { WebSocket } from 'ws';
import type { RowsFrame, ServerFrame } from '../client/protocol/index.ts';
import { machineLine, quantile, table } from './report.ts';
import { startMillrace } from './servers.ts';

const POINTS_PER_SECOND = 100_000;
const BODIES_PER_SECOND = 100;
const HOSTS = 200;
const SUBSCRIBERS = 100;
const SILENT = 10;
const IDLE_MS = 1_000;
/** Between two points of a silent measurement: more than a window and IDLE. */
const SILENCE_MS = 4_000;
const WARM_UP_MS = 5_000;
const MEASURED_MS = 20_000;

const AGGREGATES = ['mean', 'max', 'min', 'sum', 'count', 'first', 'last', 'spread', 'stddev', 'median'];

/** Flags: `--seconds N`. */
export async function runLive(args: readonly string[]): Promise<string> {
  const at = args.indexOf('--seconds');
  const measuredMs = at === -1 ? MEASURED_MS : Number(args[at + 1]) * 1000;
  const server = await startMillrace();
  const writer = new Worker(new URL(import.meta.url), { workerData: { url: server.url } });
  await new Promise((resolve) => writer.once('message', resolve));
  const tails: number[] = [];
  const windows: number[] = [];
  const silent: number[] = [];
  let recording = false;
  const sockets = Array.from({ length: SUBSCRIBERS }, (_, i) =>
    i % 2 === 0
      ? watch(server.url, 'SELECT sent FROM probe', (frame, now) => {
          if (!recording || frame.phase !== 'live') return;
          for (const series of frame.series) for (const row of series.values) tails.push(now - (row[1] as number));
        })
      : watch(server.url, windowQuery(i), (frame, now) => {
          if (!recording || !frame.final || frame.rev > 0 || frame.phase !== 'live') return;
          for (const series of frame.series)
            for (const row of series.values) windows.push(now - ((row[0] as number) + 1000));
        }),
  );
  for (let i = 0; i < SILENT; i++) {
    const q = `SELECT sum(v) FROM silent${i} GROUP BY time(1s) WATERMARK IDLE ${IDLE_MS}ms`;
    sockets.push(
      watch(server.url, q, (frame, now) => {
        if (!recording || !frame.final || frame.rev > 0 || frame.phase !== 'live') return;
        for (const { values } of frame.series)
          for (const row of values) silent.push(now - ((row[0] as number) + 1000 + IDLE_MS));
      }),
    );
  }
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  recording = true;
  await new Promise((resolve) => setTimeout(resolve, measuredMs));
  recording = false;
  const written = await new Promise<{ points: number; seconds: number; refused: number }>((resolve) => {
    writer.once('message', resolve);
    writer.postMessage('stop');
  });
  for (const socket of sockets) socket.terminate();
  await writer.terminate();
  await server.stop();
  return report(written, tails, windows, silent);
}

if (!isMainThread) await writeForEver((workerData as { url: string }).url);

// private functions

function windowQuery(i: number): string {
  return `SELECT ${AGGREGATES[i % AGGREGATES.length]}(v) FROM load GROUP BY time(1s), region`;
}

function watch(url: string, q: string, rows: (frame: RowsFrame, nowMs: number) => void): WebSocket {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/live`);
  socket.on('open', () =>
    socket.send(JSON.stringify({ op: 'subscribe', id: 's', db: 'bench', q, epoch: 'ms', mode: 'every' })),
  );
  socket.on('message', (data: Buffer) => {
    const now = preciseNow();
    const frame = JSON.parse(data.toString()) as ServerFrame;
    if (frame.op === 'rows') rows(frame, now);
    else if (frame.op === 'error' || frame.op === 'gap' || frame.op === 'reset') throw new Error(JSON.stringify(frame));
  });
  return socket;
}

/** Milliseconds since 1970 with fractions, the same clock in both threads. */
function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Bodies leave at their time whether or not earlier ones are answered, so a slow server is seen as latency, not as a slow writer. */
async function writeForEver(url: string): Promise<void> {
  const perBody = POINTS_PER_SECOND / BODIES_PER_SECOND;
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
  parentPort!.postMessage({ points, seconds: (preciseNow() - began) / 1000, refused });
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

function report(
  written: { points: number; seconds: number; refused: number },
  tails: readonly number[],
  windows: readonly number[],
  silent: readonly number[],
): string {
  const rows = [['time to frame, ms', 'p50', 'p90', 'p99', 'max', 'frames']];
  for (const [name, values] of [
    ['write to tail frame', tails],
    ['window end to final row', windows],
    ['silent window end and IDLE to final row', silent],
  ] as const) {
    const sorted = Float64Array.from(values).sort();
    const cells = [0.5, 0.9, 0.99, 1].map((q) => quantile(sorted, q).toFixed(1));
    rows.push([name, ...cells, sorted.length.toLocaleString('en')]);
  }
  const rate = Math.round(written.points / written.seconds).toLocaleString('en');
  const head = `live: ${rate} points/s acknowledged after fsync, ${written.refused} bodies refused, ${SUBSCRIBERS} subscribers`;
  return `${head}\n${machineLine()}\n\n${table(rows)}\n`;
}
