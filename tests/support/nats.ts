/**
 * A real nats-server for tests: on 127.0.0.1, a free port, a directory of its own. Whoever starts one stops it; what is left when
 * the test process ends is killed by its pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENCE_MS } from './patience.ts';

export interface NatsServer {
  readonly server: string;
  /** As a power switch: SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: it is there and says nothing. Resolves when every thread of it stands still. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Same port, same directory. */
  start(): Promise<void>;
  /** Kills it and removes its directory. */
  stop(): Promise<void>;
}

export async function startNats(): Promise<NatsServer> {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'millrace-nats-'));
  let child: ChildProcess | null = null;

  async function start(): Promise<void> {
    child = await run(port, directory);
  }

  async function kill(): Promise<void> {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  await start();
  return {
    server: `127.0.0.1:${port}`,
    start,
    kill,
    freeze: () => freeze(child!),
    thaw: () => void child?.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

// private functions

async function freeze(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  const tasks = `/proc/${child.pid}/task`;
  const moving = (task: string): boolean => !/\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
  while (readdirSync(tasks).some(moving)) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function run(port: number, directory: string): Promise<ChildProcess> {
  const args = ['-js', '-a', '127.0.0.1', '-p', String(port), '-sd', directory];
  const child = spawn('nats-server', args, { stdio: 'ignore' });
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause) => {
      reject(new Error('nats-server cannot be started: install it (Debian package nats-server)', { cause }));
    });
    child.once('exit', (code) => reject(new Error(`nats-server ended with code ${code}`)));
  });
  failed.catch(() => undefined);
  const killAtEnd = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtEnd);
  child.once('exit', () => process.off('exit', killAtEnd));
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await Promise.race([answers(port), failed]))) {
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`nats-server did not listen within ${PATIENCE_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    function end(answered: boolean): void {
      socket.destroy();
      resolve(answered);
    }
  });
}
