/**
 * Starts the servers that benchmarks compare, each on free loopback ports with its data in a fresh directory, and ends them by their
 * process id. Ours runs as `npm start` runs it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildServer } from '../server/build.ts';
import type { InsideState } from './inside-server.ts';

const READY_TIMEOUT_MS = 30_000;

export interface BenchServer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly directory: string;
  /** With SIGKILL; its data stays. */
  kill(): Promise<void>;
  /** Waits until the process has ended; its data is removed. */
  stop(): Promise<void>;
}

/** One of ours that can be asked for what goes on inside of it (`inside-server.ts`). */
export interface WatchedServer extends BenchServer {
  inside(): Promise<InsideState>;
}

interface StartOptions {
  readonly watched?: boolean;
  /** Of an earlier life; absent = a fresh one. */
  readonly directory?: string;
}

export async function startMillrace(
  flags?: readonly string[],
  options?: { readonly directory: string },
): Promise<BenchServer>;
export async function startMillrace(flags: readonly string[], options: { watched: true }): Promise<WatchedServer>;
export async function startMillrace(
  flags: readonly string[] = [],
  { watched = false, directory = mkdtempSync(join(tmpdir(), 'bench-millrace-')) }: StartOptions = {},
): Promise<BenchServer> {
  const main = await buildServer();
  const inside = ['--expose-gc', '--import', new URL('./inside-server.ts', import.meta.url).href];
  const args = [
    ...(watched ? inside : []),
    main,
    '--data-dir',
    directory,
    '--http',
    '127.0.0.1:0',
    '--udp',
    'off',
    '--log-level',
    'warn',
    ...flags,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /listening (http:\/\/\S+)/.exec(text);
      if (found !== null) resolve(found[1]);
    });
    child.on('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
  });
  const server = running('millrace', url, child, directory);
  if (!watched) return server;
  const asked: WatchedServer = { ...server, inside: () => askInside(child) };
  return asked;
}

/** null where the program is not installed. */
export async function startVictoriaMetrics(): Promise<BenchServer | null> {
  if (!installed('victoria-metrics')) return null;
  const directory = mkdtempSync(join(tmpdir(), 'bench-vm-'));
  const port = await freePort();
  const args = [
    '-retentionPeriod=100y',
    `-storageDataPath=${directory}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-loggerLevel=ERROR',
    '-search.disableCache',
  ];
  const child = spawn('victoria-metrics', args, { stdio: 'ignore' });
  const server = running('victoria-metrics', `http://127.0.0.1:${port}`, child, directory);
  await answers(`${server.url}/health`);
  return server;
}

/** null where the program is not installed. */
export async function startInfluxDB(): Promise<BenchServer | null> {
  if (!installed('influxd')) return null;
  const directory = mkdtempSync(join(tmpdir(), 'bench-influx-'));
  const [port, rpc] = [await freePort(), await freePort()];
  const config = `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${directory}/meta"
[data]
  dir = "${directory}/data"
  wal-dir = "${directory}/wal"
  max-series-per-database = 0
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[monitor]
  store-enabled = false
`;
  writeFileSync(join(directory, 'influx.conf'), config);
  const child = spawn('influxd', ['-config', join(directory, 'influx.conf')], { stdio: 'ignore' });
  const server = running('influxdb', `http://127.0.0.1:${port}`, child, directory);
  await answers(`${server.url}/ping`);
  await fetch(`${server.url}/query?q=${encodeURIComponent('CREATE DATABASE bench')}`, { method: 'POST' });
  return server;
}

// private functions

function askInside(child: ChildProcess): Promise<InsideState> {
  return new Promise((resolve) => {
    child.once('message', (state) => resolve(state as InsideState));
    child.send('ask');
  });
}

function installed(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

function running(name: string, url: string, child: ChildProcess, directory: string): BenchServer {
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  return {
    name,
    url,
    pid: child.pid!,
    directory,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<void> {
  const end = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (Date.now() > end) throw new Error(`${url} did not answer within ${READY_TIMEOUT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
