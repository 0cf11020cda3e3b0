/**
 * Ingest: ten million lines of 10 tags and 10 integer fields (4,000 hosts, one point each every 10 s) in batches of 5,000 lines over
 * 4 connections, to ours (acknowledged after fsync, sealing and cleaning as it goes), VictoriaMetrics and InfluxDB, in turn. A
 * million lines are made before; they go out again and again with later times, the same bytes for all servers. A server must
 * afterwards have every point, or its figure is not printed. A pause is the longest time in which no write was answered.
 */
import { Agent } from 'node:http';
import { CPU_FIELDS, devopsBodies } from './devops-data.ts';
import { machineLine, table } from './report.ts';
import { flagValue, post } from './requests.ts';
import { type BenchServer, startInfluxDB, startMillrace, startVictoriaMetrics } from './servers.ts';

const HOSTS = 4_000;
const POINTS_PER_HOST = 250;
/** Lines that are made before. */
const MADE = HOSTS * POINTS_PER_HOST;
const LINES = 10_000_000;
const LINES_PER_BODY = 5_000;
const CONNECTIONS = 4;
const ROUNDS = 1;
const START = 1_767_225_600n * 1_000_000_000n;
const STEP = 10n * 1_000_000_000n;
const TIME_DIGITS = 19;

const STARTERS = [startMillrace, startVictoriaMetrics, startInfluxDB];

interface Made {
  readonly body: Buffer;
  /** Where the time of each line stands: what makes the load shares the machine with the servers, so it looks once. */
  readonly times: Uint32Array;
}

interface Sent {
  readonly linesPerSecond: number;
  readonly longestPauseMs: number;
}

/** Flags: `--lines N` (whole millions), `--rounds N`, `--only NAME`. */
export async function runIngest(args: readonly string[]): Promise<string> {
  const lines = Math.ceil(Number(flagValue(args, '--lines') ?? LINES) / MADE) * MADE;
  const rounds = Number(flagValue(args, '--rounds') ?? ROUNDS);
  const only = flagValue(args, '--only');
  const bodies = [
    ...devopsBodies({ hosts: HOSTS, points: POINTS_PER_HOST, start: START, step: STEP, linesPerBody: LINES_PER_BODY }),
  ].map(madeOf);
  const bytes = bodies.reduce((sum, { body }) => sum + body.length, 0) / MADE;
  const found = new Map<string, Sent[]>();
  for (let round = 0; round < rounds; round++) {
    for (const start of STARTERS) {
      if (only !== undefined && !start.name.toLowerCase().includes(only)) continue;
      const server = await start();
      if (server === null) continue;
      const sent = await send(server, bodies, lines);
      const points = await countPoints(server, lines);
      await server.stop();
      if (points !== lines) throw new Error(`${server.name} has ${points} points of ${lines}`);
      found.set(server.name, [...(found.get(server.name) ?? []), sent]);
    }
  }
  return report(found, lines, bytes);
}

// private functions

async function send(server: BenchServer, bodies: readonly Made[], lines: number): Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const count = lines / LINES_PER_BODY;
  let next = 0;
  let longestPauseMs = 0;
  const began = performance.now();
  let answered = began;
  const connection = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const made = bodies[number % bodies.length];
      // no other connection has this body: there are many more bodies than connections
      setTimes(made, number);
      await post(`${server.url}/write?db=bench`, made.body, agent);
      const now = performance.now();
      longestPauseMs = Math.max(longestPauseMs, now - answered);
      answered = now;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return { linesPerSecond: lines / seconds, longestPauseMs };
}

/** Writes the times of the `number`-th body, which are the last digits of its lines. */
function setTimes({ body, times }: Made, number: number): void {
  let line = number * LINES_PER_BODY;
  let step = -1;
  let digits = body;
  for (const at of times) {
    const next = Math.floor(line++ / HOSTS);
    if (next !== step) digits = Buffer.from(String(START + BigInt(next) * STEP));
    step = next;
    for (let i = 0; i < TIME_DIGITS; i++) body[at + i] = digits[i];
  }
}

function madeOf(body: Buffer): Made {
  const times = new Uint32Array(LINES_PER_BODY);
  let lines = 0;
  for (let end = body.indexOf(10); end >= 0; end = body.indexOf(10, end + 1)) times[lines++] = end - TIME_DIGITS;
  return { body, times: times.subarray(0, lines) };
}

/** Points of the first field: one per line. */
async function countPoints(server: BenchServer, lines: number): Promise<number> {
  const ask = async (path: string): Promise<unknown> => (await fetch(`${server.url}${path}`)).json();
  if (server.name !== 'victoria-metrics') {
    const q = encodeURIComponent(`SELECT count(${CPU_FIELDS[0]}) FROM cpu`);
    const answer = (await ask(`/query?db=bench&q=${q}`)) as { results: { series: { values: number[][] }[] }[] };
    return answer.results[0].series[0].values[0][1];
  }
  await fetch(`${server.url}/internal/force_flush`);
  const seconds = (lines / HOSTS) * 10;
  const q = encodeURIComponent(`sum(count_over_time(cpu_${CPU_FIELDS[0]}[${seconds + 60}s]))`);
  const answer = (await ask(`/api/v1/query?query=${q}&time=${Number(START / 1_000_000_000n) + seconds}`)) as {
    data: { result: { value: [number, string] }[] };
  };
  return Number(answer.data.result[0]?.value[1] ?? 0);
}

function report(found: ReadonlyMap<string, readonly Sent[]>, lines: number, bytes: number): string {
  const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
  const rateOf = (sent: readonly Sent[]): number => median(sent.map(({ linesPerSecond }) => linesPerSecond));
  const ours = found.get('millrace');
  const rows = [['server', 'lines/s', 'MB/s', 'longest pause ms', 'each round', 'ours / theirs']];
  for (const [name, sent] of found) {
    const rate = rateOf(sent);
    rows.push([
      name,
      Math.round(rate).toLocaleString('en'),
      ((rate * bytes) / 1e6).toFixed(0),
      Math.max(...sent.map(({ longestPauseMs }) => longestPauseMs)).toFixed(0),
      sent.map(({ linesPerSecond }) => `${Math.round(linesPerSecond / 1000)}k`).join(' '),
      ours === undefined ? '' : (rateOf(ours) / rate).toFixed(2),
    ]);
  }
  const what = `${lines.toLocaleString('en')} lines, ${bytes.toFixed(0)} bytes each, bodies of ${LINES_PER_BODY}, ${CONNECTIONS} connections`;
  return `ingest: ${what}\n${machineLine()}\nours acknowledges after fsync; the others do not wait for the disk\n\n${table(rows)}\n`;
}
