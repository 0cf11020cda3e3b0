/**
 * Queries: the shapes of the TSBS devops case over one day of 100 hosts × 10 fields at 10 s, asked over HTTP of ours and of InfluxDB in
 * turn, with the same hosts and spans of time. Both answers to every query are compared; a shape whose answers differ has no figure.
 * A query takes from its asking to the last byte of its answer: what is compared becomes a text afterwards.
 * Where `@duckdb/node-api` is installed, its time in process stands beside two of the shapes.
 */
import { Agent, request } from 'node:http';
import { difference } from '../tests/differential/compare.ts';
import { CPU_FIELDS, devopsBodies, seeded } from './devops-data.ts';
import { machineLine, table } from './report.ts';
import { type BenchServer, startInfluxDB, startMillrace } from './servers.ts';

const HOSTS = 100;
const STEP_S = 10;
const DAY_S = 86_400;
const HOUR_S = 3_600;
const START_S = 1_767_225_600;
const LINES_PER_BODY = 5_000;
const CONNECTIONS = 2;
/** Queries of each shape that are measured, by how long either server takes for one. */
const ROUNDS = 500;
const ROUNDS_MIDDLE = 20;
const ROUNDS_SLOW = 7;
const MIDDLE_MS = 20;
const SLOW_MS = 100;
/**
 * Before anything is measured all shapes are asked in turn, as many times as fit into the time: compilers, caches and connections of
 * both servers are warm then. Each of our threads compiles for itself, and goes on doing so for some thousand queries. A shape is asked
 * again for a moment before its own turn.
 */
const WARM_UP = 1_500;
const WARM_UP_MS = 5_000;
const AGAIN = 100;
const AGAIN_MS = 1_000;
/** A shape in which ours is not clearly quicker by then is measured once more when all is compiled. */
const CLEARLY = 0.8;
const COMPILED = 20_000;
const COMPILED_MS = 40_000;
/** Shapes that DuckDB is asked for, too. It gives columns: so are we asked for Arrow IPC, besides the JSON of the table. */
const BESIDE_DUCKDB: readonly string[] = ['double-groupby-all', 'high-cpu-all'];
const ARROW_TYPE = 'application/vnd.apache.arrow.stream';
/** InfluxDB puts it on a series of more than 10,000 rows, all of which it gives. */
const STRAY_MARK = ',"partial":true';

/** Flags: `--only SHAPE,SHAPE`, `--rounds N`, `--alone` (ours only, nothing compared). */
export async function runQueries(args: readonly string[]): Promise<string> {
  const only = flagValue(args, '--only')?.split(',');
  const rounds = Number(flagValue(args, '--rounds') ?? ROUNDS);
  const ours = await startMillrace();
  const theirs = args.includes('--alone') ? null : await startInfluxDB();
  const servers = theirs === null ? [ours] : [ours, theirs];
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    for (const server of servers) await load(server, agent);
    const shapes = SHAPES.filter(({ name }) => only === undefined || only.includes(name));
    const measured: Measured[] = [];
    for (const shape of shapes) await askOften(shape, servers, WARM_UP, WARM_UP_MS, agent);
    for (const shape of shapes) measured.push(await measure(shape, servers, rounds, agent));
    const compiled: Measured[] = [];
    for (const { name, ours, theirs } of measured) {
      const shape = shapes.find((one) => one.name === name)!;
      if (theirs === null || ours / theirs <= CLEARLY) continue;
      await askOften(shape, servers, COMPILED, COMPILED_MS, agent);
      compiled.push(await measure(shape, servers, rounds, agent));
    }
    const columnar: Columnar[] = [];
    for (const shape of shapes)
      if (BESIDE_DUCKDB.includes(shape.name)) columnar.push(await measureArrow(shape, ours, agent));
    return [report(measured, await askDuckDB()), ...compiled.map(compiledLine), ...columnar.map(arrowLine)].join('');
  } finally {
    agent.destroy();
    for (const server of servers) await server.stop();
  }
}

// private functions

interface Shape {
  readonly name: string;
  readonly make: (random: () => number) => string;
}

interface Measured {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number | null;
  readonly rounds: number;
  readonly bytes: number;
  readonly differs: string | null;
}

const SHAPES: readonly Shape[] = [
  ...[
    [1, 1, 1],
    [1, 1, 12],
    [1, 8, 1],
    [5, 1, 1],
    [5, 1, 12],
    [5, 8, 1],
  ].map(([metrics, hosts, hours]) => ({
    name: `single-groupby-${metrics}-${hosts}-${hours}`,
    make: (random: () => number) =>
      `SELECT ${calls('max', metrics)} FROM cpu WHERE ${hostsOf(random, hosts)} AND ${span(random, hours)} GROUP BY time(1m)`,
  })),
  ...[1, 8].map((hosts) => ({
    name: `cpu-max-all-${hosts}`,
    make: (random: () => number) =>
      `SELECT ${calls('max', 10)} FROM cpu WHERE ${hostsOf(random, hosts)} AND ${span(random, 8)} GROUP BY time(1h)`,
  })),
  ...[1, 5, 10].map((metrics) => ({
    name: `double-groupby-${metrics === 10 ? 'all' : metrics}`,
    make: (random: () => number) =>
      `SELECT ${calls('mean', metrics)} FROM cpu WHERE ${span(random, 12)} GROUP BY time(1h), hostname`,
  })),
  {
    name: 'high-cpu-1',
    make: (random) => `SELECT * FROM cpu WHERE usage_user > 90.0 AND ${hostsOf(random, 1)} AND ${span(random, 12)}`,
  },
  { name: 'high-cpu-all', make: (random) => `SELECT * FROM cpu WHERE usage_user > 90.0 AND ${span(random, 12)}` },
  { name: 'lastpoint', make: () => 'SELECT * FROM cpu GROUP BY hostname ORDER BY time DESC LIMIT 1' },
  {
    name: 'groupby-orderby-limit',
    make: (random) =>
      `SELECT max(usage_user) FROM cpu WHERE time < '${iso(START_S + HOUR_S + random() * (DAY_S - HOUR_S))}' GROUP BY time(1m) ORDER BY time DESC LIMIT 5`,
  },
];

function calls(name: string, metrics: number): string {
  return CPU_FIELDS.slice(0, metrics)
    .map((field) => `${name}(${field})`)
    .join(', ');
}

function hostsOf(random: () => number, count: number): string {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(Math.floor(random() * HOSTS));
  return `(${[...chosen].map((h) => `hostname = 'host_${h}'`).join(' OR ')})`;
}

function span(random: () => number, hours: number): string {
  const from = START_S + random() * (DAY_S - hours * HOUR_S);
  return `time >= '${iso(from)}' AND time < '${iso(from + hours * HOUR_S)}'`;
}

function iso(seconds: number): string {
  return new Date(Math.floor(seconds) * 1000).toISOString();
}

function flagValue(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at === -1 ? undefined : args[at + 1];
}

async function load(server: BenchServer, agent: Agent): Promise<void> {
  const case_ = { hosts: HOSTS, points: DAY_S / STEP_S, linesPerBody: LINES_PER_BODY };
  const bodies = devopsBodies({ ...case_, start: BigInt(START_S) * 10n ** 9n, step: BigInt(STEP_S) * 10n ** 9n });
  const connection = async (): Promise<void> => {
    for (const body of bodies) {
      const answer = await exchange(`${server.url}/write?db=bench`, 'POST', body, agent);
      if (answer.status !== 204) throw new Error(`${server.name}: ${answer.status} ${answer.body}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const { text } = await ask(server, 'SELECT count(usage_user) FROM cpu', agent);
  if (!text.includes(`,${(HOSTS * DAY_S) / STEP_S}]`)) throw new Error(`${server.name} lacks points: ${text}`);
}

/** The longest time that either took for the last of them. */
async function askOften(
  shape: Shape,
  servers: BenchServer[],
  most: number,
  mostMs: number,
  agent: Agent,
): Promise<number> {
  const random = seeded(7);
  const untilMs = performance.now() + mostMs;
  let longest = 0;
  for (let round = 0; round < most && (round === 0 || performance.now() < untilMs); round++) {
    const q = shape.make(random);
    longest = 0;
    for (const server of servers) longest = Math.max(longest, (await ask(server, q, agent)).ms);
  }
  return longest;
}

async function measure(shape: Shape, servers: BenchServer[], most: number, agent: Agent): Promise<Measured> {
  const longest = await askOften(shape, servers, AGAIN, AGAIN_MS, agent);
  const rounds = Math.min(most, longest > SLOW_MS ? ROUNDS_SLOW : longest > MIDDLE_MS ? ROUNDS_MIDDLE : ROUNDS);
  const random = seeded(7);
  const times: number[][] = servers.map(() => []);
  let bytes = 0;
  let differs: string | null = null;
  for (let round = 0; round < rounds && differs === null; round++) {
    const q = shape.make(random);
    const texts: string[] = [];
    for (const [s, server] of servers.entries()) {
      const { ms, text } = await ask(server, q, agent);
      texts.push(text);
      times[s].push(ms);
    }
    bytes = texts[0].length;
    if (texts.length === 2) differs = difference(texts[1].replaceAll(STRAY_MARK, ''), texts[0]);
    if (texts[0].includes('"error"')) differs = texts[0].slice(0, 200);
  }
  const [ours, theirs] = times.map(median);
  return { name: shape.name, ours, theirs: theirs ?? null, rounds, bytes, differs };
}

interface Columnar {
  readonly name: string;
  readonly ms: number;
  readonly bytes: number;
}

async function measureArrow(shape: Shape, server: BenchServer, agent: Agent): Promise<Columnar> {
  const random = seeded(7);
  const times: number[] = [];
  let bytes = 0;
  const warmUntilMs = performance.now() + WARM_UP_MS;
  while (times.length < ROUNDS_SLOW) {
    const began = performance.now();
    const { status, body, ms } = await exchange(urlOf(server, shape.make(random)), 'GET', null, agent, {
      accept: ARROW_TYPE,
    });
    if (status !== 200) throw new Error(`${shape.name} as Arrow: ${status}`);
    bytes = body.length;
    if (began > warmUntilMs) times.push(ms);
  }
  return { name: shape.name, ms: median(times), bytes };
}

/** `differs` is told as in the table. */
function compiledLine({ name, ours, theirs, differs }: Measured): string {
  const ratio = (ours / theirs!).toFixed(3);
  const both = `${ours.toFixed(2)} ms beside ${theirs!.toFixed(2)}, ${ratio}`;
  return `${name} after ${COMPILED} more of it, or ${COMPILED_MS / 1000} s: ${both}${differs === null ? '' : `, DIFFERS: ${differs}`}\n`;
}

function arrowLine({ name, ms, bytes }: Columnar): string {
  return `${name} as Arrow IPC over HTTP: ${ms.toFixed(2)} ms, ${bytes} bytes\n`;
}

function urlOf(server: BenchServer, q: string): string {
  return `${server.url}/query?${new URLSearchParams({ db: 'bench', epoch: 'ns', q })}`;
}

async function ask(server: BenchServer, q: string, agent: Agent): Promise<{ ms: number; text: string }> {
  const { ms, body } = await exchange(urlOf(server, q), 'GET', null, agent);
  return { ms, text: body.toString() };
}

function exchange(
  url: string,
  method: string,
  body: Buffer | null,
  agent: Agent,
  wanted: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Buffer; ms: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const headers = { ...wanted, ...(body !== null && { 'content-length': body.length }) };
    const req = request(url, { method, agent, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        const ms = performance.now() - began;
        resolve({ status: response.statusCode!, body: Buffer.concat(pieces), ms });
      });
      response.on('error', reject);
    });
    req.on('error', reject);
    req.end(body ?? undefined);
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

type DuckConnection = { run(sql: string): Promise<unknown>; runAndReadAll(sql: string): Promise<unknown> };

/** ms of the two shapes in DuckDB, in memory and in process; null where it is not installed. */
async function askDuckDB(): Promise<ReadonlyMap<string, number> | null> {
  const name = '@duckdb/node-api';
  const duckdb = (await import(name).catch(() => null)) as {
    DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<DuckConnection> }> };
  } | null;
  if (duckdb === null) return null;
  const connection = await (await duckdb.DuckDBInstance.create(':memory:')).connect();
  const fields = CPU_FIELDS.map((field) => `(random() * 100)::BIGINT AS ${field}`).join(', ');
  await connection.run(
    `CREATE TABLE cpu AS SELECT 'host_' || (i % ${HOSTS}) AS hostname, to_timestamp(${START_S} + (i // ${HOSTS}) * ${STEP_S}) AS time, ${fields} FROM range(${(HOSTS * DAY_S) / STEP_S}) r(i)`,
  );
  const where = `time >= to_timestamp(${START_S + HOUR_S}) AND time < to_timestamp(${START_S + 13 * HOUR_S})`;
  const means = CPU_FIELDS.map((field) => `avg(${field})`).join(', ');
  const shapes = [
    [
      'double-groupby-all',
      `SELECT date_trunc('hour', time) h, hostname, ${means} FROM cpu WHERE ${where} GROUP BY 1, 2 ORDER BY 2, 1`,
    ],
    ['high-cpu-all', `SELECT * FROM cpu WHERE usage_user > 90 AND ${where} ORDER BY time`],
  ];
  const found = new Map<string, number>();
  for (const [shape, sql] of shapes) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS_SLOW; round++) {
      const began = performance.now();
      await connection.runAndReadAll(sql);
      times.push(performance.now() - began);
    }
    found.set(shape, median(times));
  }
  return found;
}

function report(measured: readonly Measured[], duckdb: ReadonlyMap<string, number> | null): string {
  const ms = (value: number | null | undefined): string =>
    value === null || value === undefined || Number.isNaN(value) ? '' : value.toFixed(2);
  const rows = [['shape', 'millrace ms', 'influxdb ms', 'ours / theirs', 'duckdb ms', 'bytes', 'rounds']];
  const ratios: number[] = [];
  for (const { name, ours, theirs, rounds, bytes, differs } of measured) {
    const ratio = theirs === null || differs !== null ? null : ours / theirs;
    if (ratio !== null) ratios.push(ratio);
    const cells = [ms(ours), ms(theirs), ratio?.toFixed(3) ?? '', ms(duckdb?.get(name)), String(bytes), String(rounds)];
    rows.push([name, ...(differs === null ? cells : ['answers differ', '', '', '', '', ''])]);
  }
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  const what = `${HOSTS} hosts × ${CPU_FIELDS.length} fields at ${STEP_S} s, one day: ${((HOSTS * DAY_S) / STEP_S).toLocaleString('en')} points, over HTTP in turn`;
  const wrong = measured.filter(({ differs }) => differs !== null).map(({ name, differs }) => `${name}: ${differs}\n`);
  const beside = duckdb === null ? 'duckdb: not installed\n' : '';
  const last = ratios.length === 0 ? '' : `geometric mean of ours / theirs: ${mean.toFixed(3)}\n`;
  return `queries: TSBS devops, ${what}\n${machineLine()}\nmedians\n\n${table(rows)}\n\n${last}${beside}${wrong.join('')}`;
}
