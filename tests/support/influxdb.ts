/**
 * A real InfluxDB 1.x for tests: on free ports of 127.0.0.1, its data in a directory of its own. Whoever starts one stops it; what is
 * left when the test process ends is killed by its pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './nats.ts';
import { PATIENCE_MS } from './patience.ts';

export interface InfluxServer {
  /** `http://127.0.0.1:port` */
  readonly http: string;
  stop(): Promise<void>;
}

/** `http` = more lines for the section of that name. */
export async function startInfluxDB(http = ''): Promise<InfluxServer> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-influxdb-'));
  const [port, rpc] = [await freePort(), await freePort()];
  await writeFile(join(directory, 'influx.conf'), configuration(directory, { port, rpc, http }));
  // which of equal points it chooses hangs on how many cores it merges on
  const env = { ...process.env, GOMAXPROCS: '1' };
  const child = spawn('influxd', ['-config', join(directory, 'influx.conf')], { stdio: 'ignore', env });
  const killAtEnd = (): void => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', killAtEnd);
  const url = `http://127.0.0.1:${port}`;
  await ready(child, url);
  return {
    http: url,
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await gone;
      }
      process.off('exit', killAtEnd);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

// private functions

function configuration(directory: string, at: { port: number; rpc: number; http: string }): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${at.rpc}"
[meta]
  dir = "${directory}/meta"
[data]
  dir = "${directory}/data"
  wal-dir = "${directory}/wal"
[http]
  bind-address = "127.0.0.1:${at.port}"
  log-enabled = false
  ${at.http}
[monitor]
  store-enabled = false
`;
}

async function ready(child: ChildProcess, http: string): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause) => {
      reject(new Error('influxd cannot be started: install it (Debian package influxdb)', { cause }));
    });
    child.once('exit', (code) => reject(new Error(`influxd ended with code ${code}`)));
  });
  failed.catch(() => undefined);
  const deadline = performance.now() + PATIENCE_MS;
  const answers = (): Promise<boolean> =>
    fetch(`${http}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await Promise.race([answers(), failed]))) {
    if (performance.now() > deadline) throw new Error(`influxd did not answer within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
