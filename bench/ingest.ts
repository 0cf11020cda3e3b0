/**
 * Ingest: a million lines of 10 tags and 10 integer fields (4,000 hosts, one point each every 10 s) in batches of 5,000 lines over 4
 * connections, to ours (acknowledged after fsync), VictoriaMetrics and InfluxDB, in turn, several rounds in one run. The bodies are
 * made before and are the same bytes for all. A server must afterwards have every point, or its figure is not printed.
 */
import { Agent, request } from 'node:http';
import { CPU_FIELDS, devopsBodies } from './devops-data.ts';
import { machineLine, table } from './report.ts';
import { type BenchServer, startInfluxDB, startMillrace, startVictoriaMetrics } from './servers.ts';

const HOSTS = 4_000;
const POINTS_PER_HOST = 250;
const LINES = HOSTS * POINTS_PER_HOST;
const LINES_PER_BODY = 5_000;
const CONNECTIONS = 4;
const ROUNDS = 3;
const START = 1_767_225_600n * 1_000_000_000n;
const STEP = 10n * 1_000_000_000n;

const STARTERS = [startMillrace, startVictoriaMetrics, startInfluxDB];

/** Flags: `--rounds N`, `--only NAME`. */
export async function runIngest(args: readonly string[]): Promise<string> {
  const rounds = Number(flagValue(args, '--rounds') ?? ROUNDS);
  const only = flagValue(args, '--only');
  const bodies = [
    ...devopsBodies({ hosts: HOSTS, points: POINTS_PER_HOST, start: START, step: STEP, linesPerBody: LINES_PER_BODY }),
  ];
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  const rates = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const start of STARTERS) {
      if (only !== undefined && !start.name.toLowerCase().includes(only)) continue;
      const server = await start();
      if (server === null) continue;
      const seconds = await send(server, bodies);
      const found = await countPoints(server);
      await server.stop();
      if (found !== LINES) throw new Error(`${server.name} has ${found} points of ${LINES}`);
      rates.set(server.name, [...(rates.get(server.name) ?? []), LINES / seconds]);
    }
  }
  return report(rates, bytes);
}

// private functions

function flagValue(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at === -1 ? undefined : args[at + 1];
}

async function send(server: BenchServer, bodies: readonly Buffer[]): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let next = 0;
  const began = performance.now();
  const connection = async (): Promise<void> => {
    while (next < bodies.length) await post(`${server.url}/write?db=bench`, bodies[next++], agent);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return seconds;
}

function post(url: string, body: Buffer, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method: 'POST', agent, headers: { 'content-length': body.length } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        if (response.statusCode === 204) resolve();
        else reject(new Error(`${url}: ${response.statusCode} ${text}`));
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Points of the first field: one per line. */
async function countPoints(server: BenchServer): Promise<number> {
  const ask = async (path: string): Promise<unknown> => (await fetch(`${server.url}${path}`)).json();
  if (server.name !== 'victoria-metrics') {
    const q = encodeURIComponent(`SELECT count(${CPU_FIELDS[0]}) FROM cpu`);
    const answer = (await ask(`/query?db=bench&q=${q}`)) as { results: { series: { values: number[][] }[] }[] };
    return answer.results[0].series[0].values[0][1];
  }
  await fetch(`${server.url}/internal/force_flush`);
  const end = Number(START / 1_000_000_000n) + POINTS_PER_HOST * 10;
  const q = encodeURIComponent(`sum(count_over_time(cpu_${CPU_FIELDS[0]}[${POINTS_PER_HOST * 10 + 60}s]))`);
  const answer = (await ask(`/api/v1/query?query=${q}&time=${end}`)) as {
    data: { result: { value: [number, string] }[] };
  };
  return Number(answer.data.result[0]?.value[1] ?? 0);
}

function report(rates: ReadonlyMap<string, readonly number[]>, bytes: number): string {
  const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
  const ours = rates.get('millrace');
  const rows = [['server', 'lines/s (median)', 'MB/s', 'each round', 'ours / theirs']];
  for (const [name, values] of rates) {
    const rate = median(values);
    const ratio = ours === undefined ? '' : (median(ours) / rate).toFixed(2);
    const each = values.map((v) => Math.round(v / 1000) + 'k').join(' ');
    rows.push([name, Math.round(rate).toLocaleString('en'), ((rate * bytes) / LINES / 1e6).toFixed(0), each, ratio]);
  }
  const what = `${LINES.toLocaleString('en')} lines, ${(bytes / LINES).toFixed(0)} bytes each, bodies of ${LINES_PER_BODY}, ${CONNECTIONS} connections`;
  return `ingest: ${what}\n${machineLine()}\nours acknowledges after fsync; the others do not wait for the disk\n\n${table(rows)}\n`;
}
