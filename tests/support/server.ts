/**
 * The real server as a process of its own, on free ports of 127.0.0.1, for acceptance tests. `startServer` resolves when it has said
 * where it listens; whoever starts one stops it. Its data goes into a folder of its own, which goes with it, unless flags name another.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server is up in less than a second; a machine that runs much else at the same time needs longer. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;

export interface TestServer {
  /** `http://127.0.0.1:port` */
  readonly http: string;
  readonly udp: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** SIGTERM, and its exit code; the data goes. A server that is gone already stays so. */
  stop(): Promise<number | null>;
  /** SIGKILL; the data stays for the next one. */
  kill(): Promise<void>;
}

/** A folder of its own for data; removed when the tests end, at the latest. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  process.once('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** `flags` come last, and so win over the ones given here. */
export async function startServer(flags: readonly string[] = []): Promise<TestServer> {
  const named = flags.indexOf('--data-dir');
  const dataDir = named >= 0 ? flags[named + 1] : await temporaryDirectory();
  const free = ['--http', '127.0.0.1:0', '--udp', '127.0.0.1:0', '--data-dir', dataDir];
  const child = spawn(process.execPath, ['server/main.ts', ...free, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const { http, udp } = await listening(child);
  return {
    http,
    udp,
    dataDir,
    process: child,
    async stop() {
      const code = await end(child, 'SIGTERM');
      if (named < 0) await rm(dataDir, { recursive: true, force: true });
      return code;
    },
    async kill() {
      await end(child, 'SIGKILL');
    },
  };
}

// private functions

function listening(child: ChildProcess): Promise<Pick<TestServer, 'http' | 'udp'>> {
  return new Promise((resolve, reject) => {
    let out = '';
    let err = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the server did not say where it listens:\n${out}${err}`));
    }, START_MS_MAX);
    child.stdout!.on('data', (data) => {
      out += data;
      const line = /^listening (http:\/\/\S+) (udp:\/\/\S+)/m.exec(out);
      if (line === null) return;
      clearTimeout(timer);
      const { hostname, port } = new URL(line[2].replace('udp:', 'http:'));
      resolve({ http: line[1], udp: { host: hostname, port: Number(port) } });
    });
    child.stderr!.on('data', (data) => {
      err = (err + data).slice(-10_000);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code} before it listened:\n${out}${err}`));
    });
  });
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await gone;
  clearTimeout(timer);
  return child.exitCode;
}
