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
import { buildServer } from '../../server/build.ts';

/** A server is up in less than a second; a machine that runs much else at the same time needs longer. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;
const STDERR_CHARACTERS_MAX = 10_000;

/** As `npm start` runs it, built from the sources as they are now. */
const MAIN = await buildServer();
/** As it runs from its sources. */
const SOURCES = join(import.meta.dirname, '..', '..', 'server', 'main.ts');

/** No points but those of the test, and nothing on stderr but errors. */
export const QUIET: readonly string[] = ['--telemetry-ms', '0', '--log-level', 'error'];

const temporary: string[] = [];
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

export interface TestServer {
  /** `http://127.0.0.1:port` */
  readonly http: string;
  readonly udp: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** The end of what it has said on stderr. */
  stderr(): string;
  /** SIGTERM, and its exit code; the data goes. A server that is gone already stays so. */
  stop(): Promise<number | null>;
  /** SIGKILL; the data stays for the next one. */
  kill(): Promise<void>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own for data; removed when the tests end, at the latest. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  temporary.push(path);
  return path;
}

/** `flags` come last, and so win over the ones given here; `environment` adds to ours. */
export function startServer(
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  return startMain(MAIN, flags, environment);
}

/** The same without a bundle: `node server/main.ts`. */
export function startSources(flags: readonly string[] = []): Promise<TestServer> {
  return startMain(SOURCES, flags);
}

/** Runs a server that should refuse its flags or its data, given as they are; one that serves all the same is killed. */
export async function runToEnd(flags: readonly string[]): Promise<Ended> {
  const child = spawnServer(MAIN, flags);
  const texts = collect(child);
  const kill = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(kill, START_MS_MAX);
  child.stdout!.on('data', () => {
    if (texts.stdout.includes('listening')) kill();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, ...texts };
}

// private functions

async function startMain(
  main: string,
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const named = flags.indexOf('--data-dir');
  const dataDir = named >= 0 ? flags[named + 1] : await temporaryDirectory();
  const free = ['--http', '127.0.0.1:0', '--udp', '127.0.0.1:0', '--data-dir', dataDir];
  const child = spawnServer(main, [...free, ...flags], environment);
  const texts = collect(child);
  const { http, udp } = await listening(child, texts);
  return {
    http,
    udp,
    dataDir,
    process: child,
    stderr: () => texts.stderr,
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

function spawnServer(
  main: string,
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [main, ...flags], { stdio: ['ignore', 'pipe', 'pipe'], env });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

type Texts = { stdout: string; stderr: string };

function collect(child: ChildProcess): Texts {
  const texts: Texts = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr = (texts.stderr + text).slice(-STDERR_CHARACTERS_MAX);
  });
  return texts;
}

function listening(child: ChildProcess, texts: Texts): Promise<Pick<TestServer, 'http' | 'udp'>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the server did not say where it listens:\n${texts.stdout}${texts.stderr}`));
    }, START_MS_MAX);
    child.stdout!.on('data', () => {
      const line = /^listening (http:\/\/\S+) (udp:\/\/\S+)/m.exec(texts.stdout);
      if (line === null) return;
      clearTimeout(timer);
      const { hostname, port } = new URL(line[2].replace('udp:', 'http:'));
      resolve({ http: line[1], udp: { host: hostname, port: Number(port) } });
    });
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code} before it listened:\n${texts.stdout}${texts.stderr}`));
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
