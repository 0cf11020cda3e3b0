/**
 * Series: a million series that nobody has seen before (a user id as a tag, beside two small tags), one point each, written over HTTP;
 * then one more point of each. Prints the memory of the server's process above that of the empty server, by series, after garbage has
 * been collected in every thread, the longest pause of any thread's event loop while they came, and what writers waited.
 */
import { Agent } from 'node:http';
import { machineLine, quantile, table } from './report.ts';
import { flagValue, post } from './requests.ts';
import { startMillrace } from './servers.ts';

const SERIES = 1_000_000;
const LINES_PER_BODY = 5_000;
const CONNECTIONS = 4;
const START = 1_767_225_600n * 1_000_000_000n;
const SETTLE_MS = 2_000;

/** Flags: `--series N`. */
export async function runSeries(args: readonly string[]): Promise<string> {
  const series = Number(flagValue(args, '--series') ?? SERIES);
  const server = await startMillrace(['--telemetry-ms', '0'], { watched: true });
  await post(`${server.url}/write?db=bench`, Buffer.from(`warm,user=none value=1 ${START}\n`));
  await settled();
  const empty = await server.inside();
  const rows = [['', 'lines/s', 'write p50 ms', 'p99 ms', 'longest ms', 'longest pause ms', 'bytes per series']];
  let detail = '';
  for (const [round, name] of ['new series', 'a second point of each', 'a third'].entries()) {
    const { seconds, waits } = await send(
      `${server.url}/write?db=bench`,
      series,
      START + BigInt(round) * 10_000_000_000n,
    );
    await settled();
    const state = await server.inside();
    const bytes = (state.rssBytes - empty.rssBytes) / series;
    rows.push([
      name,
      Math.round(series / seconds).toLocaleString('en'),
      quantile(waits, 0.5).toFixed(1),
      quantile(waits, 0.99).toFixed(1),
      waits[waits.length - 1].toFixed(1),
      Math.max(...state.threads.map(({ longestPauseMs }) => longestPauseMs)).toFixed(1),
      bytes.toFixed(0),
    ]);
    const threads = state.threads.map(({ thread, longestPauseMs, heapBytes, arrayBytes }) => {
      return `${thread}: pause ${longestPauseMs.toFixed(1)} ms, heap ${mega(heapBytes)} MB, arrays ${mega(arrayBytes)} MB`;
    });
    detail += `${name}: ${mega(state.rssBytes)} MB; ${threads.join('; ')}\n`;
  }
  await server.stop();
  const what = `${series.toLocaleString('en')} series, bodies of ${LINES_PER_BODY} lines, ${CONNECTIONS} connections`;
  return `series: ${what}\n${machineLine()}\nempty server: ${mega(empty.rssBytes)} MB\n\n${table(rows)}\n\n${detail}`;
}

// private functions

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

async function send(url: string, series: number, time: bigint): Promise<{ seconds: number; waits: Float64Array }> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const waits: number[] = [];
  let next = 0;
  const began = performance.now();
  const connection = async (): Promise<void> => {
    while (next < series) {
      const from = next;
      next = Math.min(series, from + LINES_PER_BODY);
      const body = bodyOf(from, next, time);
      const sent = performance.now();
      await post(url, body, agent);
      waits.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return { seconds, waits: Float64Array.from(waits).sort() };
}

function bodyOf(from: number, to: number, time: bigint): Buffer {
  let text = '';
  for (let i = from; i < to; i++) {
    const user = String(i).padStart(7, '0');
    text += `event,plan=${i % 7 === 0 ? 'pro' : 'free'},region=r${i % 20},user=u${user} value=${i % 1000} ${time}\n`;
  }
  return Buffer.from(text);
}
