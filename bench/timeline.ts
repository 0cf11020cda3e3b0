/**
 * Timeline: a million users with fifty events each, round robin in time, written over HTTP and sealed; then the last fifty events of
 * users picked at random, found by tag, one query after the other over one connection. Just loaded: while the server merges what the load
 * has left. Warm: it has settled by itself, and the pages of the files are in the system's cache (ours holds a small part of it); then
 * again when so many queries have been asked that V8 has compiled what they run (docs/adr/0054). Cold: before each query that cache is
 * dropped, where the machine lets us.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { machineLine, quantile, table } from './report.ts';
import { flagValue, get, post } from './requests.ts';
import { startMillrace } from './servers.ts';

const USERS = 1_000_000;
const EVENTS = 50;
const LINES_PER_BODY = 10_000;
const CONNECTIONS = 4;
const QUERIES = 2_000;
const COLD_QUERIES = 300;
/** Code that runs once a query is compiled by then: on each worker when it has run some thousand times. */
const COMPILED_QUERIES = 15_000;
/** A server that has not settled by then is asked as it is. */
const SETTLE_SECONDS_MAX = 1_200;
const START_SECONDS = 1_767_225_600;
/** Between two events of a user: all of them lie in one span of a week. */
const STEP_SECONDS = 10_000;
const FILLER_LINES = 200_000;

/** Flags: `--users N`, `--events N`, `--head-bytes N` (of each shard). */
export async function runTimeline(args: readonly string[]): Promise<string> {
  const users = Number(flagValue(args, '--users') ?? USERS);
  const events = Number(flagValue(args, '--events') ?? EVENTS);
  const headBytes = Number(flagValue(args, '--head-bytes') ?? 0);
  const server = await startMillrace([
    '--telemetry-ms',
    '0',
    ...(headBytes > 0 ? ['--head-bytes', `${headBytes}`] : []),
  ]);
  try {
    const writing = await write(`${server.url}/write?db=bench&precision=s`, users, events);
    const sealing = await seal(server.url, users * events);
    const rows = [['', 'queries', 'p50 ms', 'p99 ms', 'longest ms', 'blocks read per query', 'KB per query']];
    await ask('', server.url, users, events, QUERIES / 10, null);
    rows.push(await ask('just loaded', server.url, users, events, QUERIES, null));
    const settling = await settle(server.url);
    rows.push(await ask('warm', server.url, users, events, QUERIES, null));
    await ask('', server.url, users, events, COMPILED_QUERIES, null);
    rows.push(await ask('warm, compiled', server.url, users, events, QUERIES, null));
    if (canDrop()) rows.push(await ask('cold', server.url, users, events, COLD_QUERIES, dropCaches));
    const state = await numbers(server.url);
    const text = [
      `timeline: ${users.toLocaleString('en')} users × ${events} events, the last ${events} of one`,
      machineLine(),
      `written at ${Math.round((users * events) / writing).toLocaleString('en')} lines/s, sealed ${sealing.toFixed(0)} s later, settled ${settling.toFixed(0)} s after the first queries`,
      `${state.get('buckets')} buckets, ${((state.get('bucket_bytes') ?? 0) / 1e6).toFixed(0)} MB`,
      canDrop() ? '' : 'cold: this machine does not let its caches be dropped\n',
    ];
    return `${text.join('\n')}\n${table(rows)}\n`;
  } finally {
    await server.stop();
  }
}

// private functions

function below(n: number): number {
  return Math.floor(Math.random() * n);
}

async function write(url: string, users: number, events: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const began = performance.now();
  let event = 0;
  let user = 0;
  const connection = async (): Promise<void> => {
    while (event < events) {
      const lines: string[] = [];
      const seconds = START_SECONDS + event * STEP_SECONDS;
      const to = Math.min(users, user + LINES_PER_BODY);
      for (; user < to; user++)
        lines.push(
          `event,user=u${user} kind=${below(20)}i,amount=${below(100_000) / 100} ${seconds + below(STEP_SECONDS)}`,
        );
      if (user === users) {
        user = 0;
        event++;
      }
      await post(url, Buffer.from(`${lines.join('\n')}\n`), agent);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
  return (performance.now() - began) / 1000;
}

/** What is left in the heads is pushed out by points of another measurement. */
async function seal(url: string, rows: number): Promise<number> {
  const began = performance.now();
  const agent = new Agent({ keepAlive: true });
  for (let round = 0, filler = 0; ; round++) {
    const state = await numbers(url);
    const inHeads = state.get('head_points') ?? 0;
    // heads hold what came last
    if (2 * inHeads < filler && (state.get('bucket_rows') ?? 0) + inHeads === rows + filler) break;
    filler += FILLER_LINES;
    const lines: string[] = [];
    for (let i = 0; i < FILLER_LINES; i++)
      lines.push(`filler,n=${i % 100} v=${i} ${START_SECONDS * 1000 + round * FILLER_LINES + i}`);
    await post(`${url}/write?db=filler&precision=ms`, Buffer.from(`${lines.join('\n')}\n`), agent);
  }
  agent.destroy();
  return (performance.now() - began) / 1000;
}

/** Until nothing is merged any more. */
async function settle(url: string): Promise<number> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  while ((await numbers(url)).get('shards_settling') !== 0 && seconds() < SETTLE_SECONDS_MAX)
    await new Promise((resolve) => setTimeout(resolve, 1000));
  return seconds();
}

async function ask(
  kind: string,
  url: string,
  users: number,
  events: number,
  queries: number,
  before: (() => void) | null,
): Promise<string[]> {
  const agent = new Agent({ keepAlive: true });
  const waits = new Float64Array(queries);
  const blocks = await numbers(url);
  for (let i = 0; i < queries; i++) {
    const user = Math.floor(Math.random() * users);
    const q = `SELECT kind, amount FROM event WHERE "user" = 'u${user}' ORDER BY time DESC LIMIT ${events}`;
    before?.();
    const began = performance.now();
    const text = await get(`${url}/query?db=bench&q=${encodeURIComponent(q)}`, agent);
    waits[i] = performance.now() - began;
    const { values } =
      (JSON.parse(text) as { results: { series?: { values: unknown[] }[] }[] }).results[0].series?.[0] ?? {};
    if (values?.length !== events)
      throw new Error(`user u${user} has ${values?.length ?? 0} events of ${events}: ${text.slice(0, 200)}`);
  }
  const after = await numbers(url);
  agent.destroy();
  waits.sort();
  const each = (name: string): number => ((after.get(name) ?? 0) - (blocks.get(name) ?? 0)) / queries;
  return [
    kind,
    `${queries}`,
    quantile(waits, 0.5).toFixed(2),
    quantile(waits, 0.99).toFixed(2),
    waits[queries - 1].toFixed(2),
    each('blocks_read').toFixed(1),
    (each('block_bytes_read') / 1e3).toFixed(1),
  ];
}

/** The server's gauges. */
async function numbers(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return new Map(
    text.split('\n').flatMap((line) => {
      const found = /^millrace_(\w+?)(?:_total)? ([\d.e+]+)$/.exec(line);
      return found === null ? [] : [[found[1], Number(found[2])] as const];
    }),
  );
}

function canDrop(): boolean {
  try {
    dropCaches();
    return true;
  } catch {
    return false;
  }
}

function dropCaches(): void {
  execFileSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}
