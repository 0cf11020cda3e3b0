/**
 * The yardstick of live-updates: uWebSockets.js and nothing else. `node bare-push.ts BYTES EVERY_MS` sends every socket a text of so
 * many bytes so often (0 = as fast as they are read), and prints where it listens.
 */
import { App, us_socket_local_port, type WebSocket } from 'uWebSockets.js';

const [bytes, everyMs] = process.argv.slice(2).map(Number);
/** As the server holds back. */
const HIGH_WATER_BYTES = 16 * 1024;

const HEAD = '{"op":"rows","series":[],"filler":"';

const frame = Buffer.from(`${HEAD}${'x'.repeat(Math.max(0, bytes - HEAD.length - 2))}"}`);
const sockets = new Set<WebSocket<unknown>>();

const app = App();
app.ws('/*', {
  open: (ws) => void sockets.add(ws),
  close: (ws) => void sockets.delete(ws),
});
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('no port to listen on');
  process.stdout.write(`http://127.0.0.1:${us_socket_local_port(listening)}/\n`);
});
if (everyMs > 0) setInterval(sendAll, everyMs);
else
  setImmediate(function again() {
    sendAll();
    setImmediate(again);
  });

// private functions

function sendAll(): void {
  for (const ws of sockets) if (ws.getBufferedAmount() <= HIGH_WATER_BYTES) ws.send(frame, false);
}
