/**
 * Size: a day of 400 hosts with 10 integer fields in random walks, 10 s apart, written to ours, VictoriaMetrics and InfluxDB; then the
 * bytes of each one's data directory by value, once nothing in it changes any more. Logs are told apart: ours is kept for readers
 * that resume, as much as --log-keep-bytes says, InfluxDB's until it has been written as a snapshot.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { CPU_FIELDS, devopsBodies } from './devops-data.ts';
import { machineLine, table } from './report.ts';
import { flagValue, post } from './requests.ts';
import { type BenchServer, startInfluxDB, startMillrace, startVictoriaMetrics } from './servers.ts';

const HOSTS = 400;
const POINTS_PER_HOST = 8_640;
const LINES_PER_BODY = 5_000;
const CONNECTIONS = 4;
const START = 1_767_225_600n * 1_000_000_000n;
const STEP = 10n * 1_000_000_000n;
/** Quiet for so long: nothing is being merged any more. */
const STILL_MS = 20_000;
const SETTLE_MS_MAX = 180_000;

/** Heads that are sealed often, so that hardly anything is in the log only when the writing ends. */
const OURS = ['--head-bytes', String(8 * 1024 * 1024), '--log-keep-bytes', '0', '--telemetry-ms', '0'];
const STARTERS = [() => startMillrace(OURS), startVictoriaMetrics, startInfluxDB];

/** Flags: `--hosts N`. */
export async function runSize(args: readonly string[]): Promise<string> {
  const hosts = Number(flagValue(args, '--hosts') ?? HOSTS);
  const values = hosts * POINTS_PER_HOST * CPU_FIELDS.length;
  const rows = [['server', 'MB of data', 'MB of log', 'bytes per value', 'with the log']];
  for (const start of STARTERS) {
    const server = await start();
    if (server === null) continue;
    await send(server, hosts);
    const { data, log } = await settled(server);
    await server.stop();
    rows.push([
      server.name,
      (data / 1e6).toFixed(1),
      (log / 1e6).toFixed(1),
      (data / values).toFixed(2),
      ((data + log) / values).toFixed(2),
    ]);
  }
  const what = `${values.toLocaleString('en')} values: ${hosts} hosts, ${CPU_FIELDS.length} integer fields in random walks, every 10 s, one day`;
  return `size on disk: ${what}\n${machineLine()}\n\n${table(rows)}\n`;
}

// private functions

async function send(server: BenchServer, hosts: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const bodies = devopsBodies({
    hosts,
    points: POINTS_PER_HOST,
    start: START,
    step: STEP,
    linesPerBody: LINES_PER_BODY,
  });
  const connection = async (): Promise<void> => {
    for (const body of bodies) await post(`${server.url}/write?db=bench`, body, agent);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
}

/** Waits until the sizes stand still. */
async function settled(server: BenchServer): Promise<Sizes> {
  if (server.name === 'victoria-metrics') await fetch(`${server.url}/internal/force_flush`);
  const end = performance.now() + SETTLE_MS_MAX;
  let sizes = sizesOf(server.directory);
  let since = performance.now();
  while (performance.now() < end && performance.now() - since < STILL_MS) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = sizesOf(server.directory);
    if (now.data !== sizes.data || now.log !== sizes.log) since = performance.now();
    sizes = now;
  }
  return sizes;
}

interface Sizes {
  readonly data: number;
  readonly log: number;
}

/**
 * Of what the disk gives, as files may have holes. What lies under folders called `log` or `wal` is log. A file may go while it is looked
 * at.
 */
function sizesOf(directory: string, isLog = false): Sizes {
  let data = 0;
  let log = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    try {
      if (entry.isDirectory()) {
        const inside = sizesOf(path, isLog || entry.name === 'log' || entry.name === 'wal');
        data += inside.data;
        log += inside.log;
      } else if (isLog) log += 512 * lstatSync(path).blocks;
      else data += 512 * lstatSync(path).blocks;
    } catch {
      // gone meanwhile
    }
  }
  return { data, log };
}
