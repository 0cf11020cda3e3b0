import { expect } from 'chai';
import {
  Metrics,
  openLog,
  QUIET_INTERVALS,
  type Reporter,
  type ReporterClock,
  type ReporterOptions,
  startReporter,
} from '../../../../server/telemetry/index.ts';

describe('reporter', () => {
  let nowMs: number;
  let tick: () => void;
  let metrics: Metrics;
  let bodies: string[];
  let logged: string[];
  let reporter: Reporter;

  const clock: ReporterClock = {
    now: () => 1_700_000_000_000 + nowMs,
    monotonic: () => nowMs,
    every(_intervalMs, ticked) {
      tick = ticked;
      return () => {
        tick = () => undefined;
      };
    },
  };

  beforeEach(() => {
    nowMs = 0;
    metrics = new Metrics();
    bodies = [];
    logged = [];
  });
  afterEach(() => reporter.stop());

  function start(options: Partial<ReporterOptions> = {}): void {
    reporter = startReporter({
      host: 'box 1',
      paths: ['/'],
      intervalMs: 1000,
      snapshot: () => metrics.snapshot(),
      write: (body) => void bodies.push(new TextDecoder().decode(body)),
      isQuiet: () => false,
      metrics,
      log: openLog({ level: 'info', write: (line) => void logged.push(JSON.parse(line).message) }),
      clock,
      ...options,
    });
  }

  function lines(body: string, measurement: string): string[] {
    return body.split('\n').filter((line) => line.startsWith(measurement));
  }

  it('writes host, process and server with the host as a tag, from the first report on', async () => {
    start();
    nowMs = 1000;
    await reporter.report();
    for (const measurement of ['cpu', 'memory', 'load', 'filesystem', 'process', 'millrace']) {
      const found = lines(bodies[0], measurement);
      expect(found, measurement).to.have.length.greaterThan(0);
      for (const line of found) expect(line).to.match(/host=box\\ 1.* 1700000001000000000$/);
    }
  });

  it('writes counters as rates, gauges as they are, histograms as quantiles of the interval', async () => {
    start();
    nowMs = 1000;
    await reporter.report();
    metrics.counter('points_in', { door: 'http' }).add(500);
    metrics.gauge('sessions').set(3);
    for (let i = 0; i < 10; i++) metrics.histogram('fsync_ms').observe(2);
    nowMs = 3000;
    await reporter.report();
    expect(lines(bodies[1], 'millrace,door=http')[0]).to.equal(
      'millrace,door=http,host=box\\ 1 points_in_per_second=250 1700000003000000000',
    );
    expect(lines(bodies[1], 'millrace,host')[0]).to.contain('sessions=3');
    expect(lines(bodies[1], 'millrace,host')[0]).to.contain('fsync_ms_count=10,fsync_ms_mean=2,fsync_ms_p50=1.75');
    nowMs = 4000;
    await reporter.report();
    expect(lines(bodies[2], 'millrace,door=http')[0]).to.contain('points_in_per_second=0 ');
    expect(lines(bodies[2], 'millrace,host')[0]).to.contain('sessions=3');
    expect(lines(bodies[2], 'millrace,host')[0]).to.contain('fsync_ms_count=0');
    expect(lines(bodies[2], 'millrace,host')[0]).not.to.contain('fsync_ms_p50');
  });

  it('has one report under way at a time, and counts those it skips', async () => {
    const release: (() => void)[] = [];
    let writes = 0;
    start({
      write: () =>
        new Promise((resolve) => {
          writes++;
          release.push(resolve);
        }),
    });
    for (let i = 0; i < 4; i++) tick();
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).to.equal(1);
    expect(metrics.counter('telemetry_write_failed').value).to.equal(3);
    release[0]();
    await reporter.stop();
    tick();
    expect(writes).to.equal(1);
  });

  it('makes few reports while the server is quiet, and one at once when something goes on', async () => {
    let quiet = true;
    start({ isQuiet: () => quiet });
    const ticks = async (count: number): Promise<number> => {
      const before = bodies.length;
      for (let i = 0; i < count; i++) {
        tick();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return bodies.length - before;
    };
    expect(await ticks(QUIET_INTERVALS)).to.equal(QUIET_INTERVALS);
    expect(await ticks(QUIET_INTERVALS - 1)).to.equal(0);
    expect(await ticks(1)).to.equal(1);
    expect(await ticks(3)).to.equal(0);
    quiet = false;
    expect(await ticks(3)).to.equal(3);
    quiet = true;
    expect(await ticks(2 * QUIET_INTERVALS)).to.equal(QUIET_INTERVALS + 1);
    expect(metrics.counter('telemetry_write_failed').value).to.equal(0);
  });

  it('logs when writing begins to fail and when it works again, and goes on', async () => {
    let fails = true;
    start({
      write: async () => {
        if (fails) throw new Error('refused');
      },
    });
    await reporter.report();
    await reporter.report();
    fails = false;
    await reporter.report();
    await reporter.report();
    expect(logged).to.deep.equal([
      'a report about the server could not be written',
      'reports about the server are written again',
    ]);
    expect(metrics.counter('telemetry_write_failed').value).to.equal(2);
  });
});
