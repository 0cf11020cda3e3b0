/** What the real server says of itself: at every interval while something goes on or somebody watches, seldom when it is quiet. */
import { setTimeout as sleep } from 'node:timers/promises';
import { QUIET_INTERVALS } from '../../server/telemetry/index.ts';
import { eventually, metric, series } from '../support/api.ts';
import { LiveClient } from '../support/live-client.ts';
import { startServer, type TestServer } from '../support/server.ts';

const INTERVAL_MS = 20;
/** Of a quiet server, thirty times as long; a timer that came late makes the next gap look shorter. */
const QUIET_GAP_MS = 15 * INTERVAL_MS;

describe('telemetry', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer(['--telemetry-ms', String(INTERVAL_MS), '--log-level', 'error', '--shards', '2']);
  });

  after(() => server.stop());

  /** Between rows, ms. */
  function gapsOf(rows: readonly (readonly unknown[])[]): number[] {
    const times = rows.map(([time]) => (time as number) / 1e6);
    return times.slice(1).map((time, i) => time - times[i]);
  }

  it('is seldom of a quiet server, and at every interval while somebody watches', async () => {
    // whoever asks makes it report again, for as long as it takes to become quiet
    const lastGaps = async (): Promise<number[]> => {
      await sleep(3 * QUIET_INTERVALS * INTERVAL_MS);
      const [{ values }] = await series(server, '_internal', 'SELECT load1 FROM load');
      return gapsOf(values.slice(-2));
    };
    await eventually(lastGaps, ([gap]) => gap > QUIET_GAP_MS);
    const client = await LiveClient.connect(server);
    client.subscribe({ db: '_internal', q: 'SELECT load1 FROM load' });
    const told = (): (readonly unknown[])[] =>
      client.rows().flatMap(({ series }) => series.flatMap((one) => one.values));
    const isOften = (): boolean => gapsOf(told()).filter((gap) => gap < QUIET_GAP_MS).length > 2;
    await client.until(isOften, 'rows at every interval');
    client.close();
  });

  it('counts the processor time of every thread, and of live queries in it', async () => {
    for (const thread of ['main', 'worker-0']) {
      const used = (): Promise<number> => metric(server, `millrace_thread_cpu_seconds_total{thread="${thread}"}`);
      const before = await eventually(used, (seconds) => seconds > 0);
      await eventually(used, (seconds) => seconds > before);
    }
    await eventually(
      () => metric(server, 'millrace_live_cpu_seconds_total{thread="worker-0"}'),
      (s) => s > 0,
    );
  });
});
