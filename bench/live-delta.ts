/**
 * Live-delta: bytes of what changes in a table, beside the bytes of the table. 200 rows, one for each host, of which 20 change between
 * two emissions; one client asks for rows that name their series by number (as the SDK does), one for rows that name it each time.
 * Counts bytes only, so that it says the same on any machine.
 */
import type { ServerFrame } from '../client/protocol/index.ts';
import { FrameSocket } from './frame-socket.ts';
import { machineLine, table } from './report.ts';
import { post } from './requests.ts';
import { startMillrace } from './servers.ts';

const ROWS = 200;
const CHANGED = 20;
const CHANGES = 10;
/** More than the time between two emissions. */
const PAUSE_MS = 1_500;

interface Seen {
  snapshotBytes: number;
  liveBytes: number;
  rows: number;
  frames: number;
}

export async function runLiveDelta(): Promise<string> {
  const server = await startMillrace();
  const began = Date.now();
  await post(`${server.url}/write?db=bench`, lines(0, ROWS, began));
  const [short, full] = await Promise.all([watch(server.url, true), watch(server.url, false)]);
  for (let i = 0; i < CHANGES; i++) {
    await post(`${server.url}/write?db=bench`, lines(i * CHANGED, CHANGED, began + i + 1));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  // once more: by now every series has been named
  for (const seen of [short, full]) Object.assign(seen, { liveBytes: 0, rows: 0, frames: 0 });
  for (let i = 0; i < CHANGES; i++) {
    await post(`${server.url}/write?db=bench`, lines(i * CHANGED, CHANGED, began + CHANGES + i + 1));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await server.stop();
  return report([
    ['by number', short],
    ['by name', full],
  ]);
}

// private functions

function lines(first: number, count: number, timeMs: number): Buffer {
  const of = (i: number): string =>
    `board,host=server-${i % ROWS},region=eu-west-${i % 3} load=${(i * 37 + timeMs) % 100} ${timeMs}000000`;
  return Buffer.from(Array.from({ length: count }, (_, i) => of(first + i)).join('\n'));
}

async function watch(url: string, refs: boolean): Promise<Seen> {
  const seen = { snapshotBytes: 0, liveBytes: 0, rows: 0, frames: 0 };
  let began: () => void;
  const snapshot = new Promise<void>((resolve) => (began = resolve));
  const socket = await FrameSocket.connect(`${url}/live`, (bytes) => {
    const frame = JSON.parse(bytes.toString()) as ServerFrame;
    if (frame.op === 'error') throw new Error(JSON.stringify(frame));
    if (frame.op !== 'rows') return;
    if (frame.phase === 'snapshot') {
      seen.snapshotBytes += bytes.length;
      began();
      return;
    }
    seen.frames++;
    seen.liveBytes += bytes.length;
    seen.rows += frame.series.reduce((sum, { values }) => sum + values.length, 0) + (frame.refs?.length ?? 0);
  });
  const q = 'SELECT last(load) FROM board GROUP BY time(1d), host, region';
  socket.send(JSON.stringify({ op: 'subscribe', id: 'board', db: 'bench', q, epoch: 'ms', refs }));
  await snapshot;
  return seen;
}

function report(measured: readonly (readonly [string, Seen])[]): string {
  const rows = [['rows name their series', 'table bytes', 'change bytes', 'rows a change', 'table / change']];
  for (const [name, { snapshotBytes, liveBytes, rows: changed, frames }] of measured) {
    rows.push([
      name,
      snapshotBytes.toLocaleString('en'),
      Math.round(liveBytes / frames).toLocaleString('en'),
      (changed / frames).toFixed(1),
      (snapshotBytes / (liveBytes / frames)).toFixed(1),
    ]);
  }
  return `live-delta: a table of ${ROWS} rows, of which ${CHANGED} change at a time\n${machineLine()}\n\n${table(rows)}\n`;
}
