/**
 * Restart: a server whose log has grown to a gigabyte is killed with -9; how long until a new one over the same data has answered
 * its first query. Lines have 10 floats of 15 digits each, which no log can make small.
 */

import { rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { seeded } from './devops-data.ts';
import { machineLine, table } from './report.ts';
import { flagValue, post } from './requests.ts';
import { startMillrace } from './servers.ts';

const LOG_BYTES = 1024 * 1024 * 1024;
const HOSTS = 1_000;
const FIELDS = 10;
const LINES_PER_BODY = 5_000;
const CONNECTIONS = 4;
const START = 1_767_225_600;

/** Flags: `--megabytes N` of log. */
export async function runRestart(args: readonly string[]): Promise<string> {
  const megabytes = flagValue(args, '--megabytes');
  const logBytes = megabytes === undefined ? LOG_BYTES : Number(megabytes) * 1024 * 1024;
  const rows = [['start', 'listening ms', 'first answer ms', 'points']];
  const first = await startMillrace(['--telemetry-ms', '0']);
  const lines = await fill(first.url, logBytes);
  const found = await metric(first.url, 'log_bytes');
  await first.kill();
  for (const name of ['after kill -9', 'after kill -9 again']) {
    const began = performance.now();
    const server = await startMillrace(['--telemetry-ms', '0'], { directory: first.directory });
    const listening = performance.now() - began;
    const points = await count(server.url);
    const answered = performance.now() - began;
    if (points !== lines) throw new Error(`${points} points of ${lines}`);
    rows.push([name, listening.toFixed(0), answered.toFixed(0), points.toLocaleString('en')]);
    await server.kill();
  }
  rmSync(first.directory, { recursive: true, force: true });
  return `restart: ${(found / 1024 / 1024).toFixed(0)} MiB of log\n${machineLine()}\n\n${table(rows)}\n`;
}

// private functions

/** Writes until the log is that long; how many lines. */
async function fill(url: string, logBytes: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const random = seeded(7);
  let lines = 0;
  let full = false;
  const connection = async (): Promise<void> => {
    while (!full) {
      const from = lines;
      lines += LINES_PER_BODY;
      await post(`${url}/write?db=bench&precision=s`, bodyOf(from, random), agent);
      if ((from / LINES_PER_BODY) % 20 === 0) full ||= (await metric(url, 'log_bytes')) >= logBytes;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
  return lines;
}

function bodyOf(from: number, random: () => number): Buffer {
  let text = '';
  for (let i = from; i < from + LINES_PER_BODY; i++) {
    const fields = Array.from({ length: FIELDS }, (_, f) => `f${f}=${random().toFixed(15)}`).join(',');
    text += `noise,host=h${i % HOSTS} ${fields} ${START + Math.floor(i / HOSTS)}\n`;
  }
  return Buffer.from(text);
}

async function count(url: string): Promise<number> {
  const q = encodeURIComponent('SELECT count(f0) FROM noise');
  const answer = (await (await fetch(`${url}/query?db=bench&q=${q}`)).json()) as {
    results: { series: { values: number[][] }[] }[];
  };
  return answer.results[0].series[0].values[0][1];
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^\\w*${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}
