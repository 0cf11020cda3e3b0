import { expect } from 'chai';
import {
  histogramQuantile,
  LABEL_SETS_MAX,
  METRICS,
  Metrics,
  type MetricTable,
  mergeSnapshots,
  snapshotDelta,
  toPrometheus,
  toVars,
} from '../../../../server/telemetry/index.ts';

const TABLE = {
  drops: { kind: 'counter', help: 'dropped', labels: ['reason'] },
  depth: { kind: 'gauge', help: 'queue depth' },
  lag: { kind: 'gauge', help: 'worst lag', merge: 'max' },
  took: { kind: 'histogram', help: 'time\nand "more" \\', buckets: [1, 10, 100] },
} as const satisfies MetricTable;

describe('metrics', () => {
  it('gives the same object for the same name and labels', () => {
    const metrics = new Metrics(TABLE);
    metrics.counter('drops', { reason: 'full' }).add();
    metrics.counter('drops', { reason: 'full' }).add(2);
    metrics.counter('drops', { reason: 'bad' }).value++;
    expect(metrics.snapshot().map((sample) => [sample.labels, 'value' in sample && sample.value])).to.deep.equal([
      [{ reason: 'full' }, 3],
      [{ reason: 'bad' }, 1],
    ]);
  });

  it('refuses unknown names, other kinds and other labels', () => {
    const metrics = new Metrics(TABLE);
    // @ts-expect-error: not in the table
    expect(() => metrics.counter('nothing')).to.throw("unknown metric 'nothing'");
    // @ts-expect-error: inherited, not in the table
    expect(() => metrics.counter('constructor')).to.throw("unknown metric 'constructor'");
    // @ts-expect-error: a gauge
    expect(() => metrics.counter('depth')).to.throw('is a gauge, not a counter');
    expect(() => metrics.counter('drops')).to.throw('has the labels [reason], not []');
    expect(() => metrics.gauge('depth', { more: 'x' })).to.throw('has the labels [], not [more]');
  });

  it('bounds label sets: the rest shares one', () => {
    const metrics = new Metrics(TABLE);
    for (let i = 0; i < LABEL_SETS_MAX + 50; i++) metrics.counter('drops', { reason: `r${i}` }).add();
    const samples = metrics.snapshot();
    expect(samples).to.have.length(LABEL_SETS_MAX + 1);
    const other = samples.find((sample) => sample.labels['reason'] === 'other');
    expect(other).to.include({ value: 50 });
  });

  it('puts observations into buckets, a bound into its own', () => {
    const metrics = new Metrics(TABLE);
    const took = metrics.histogram('took');
    for (const value of [0.5, 1, 1.1, 10, 99, 1000]) took.observe(value);
    expect([...took.counts]).to.deep.equal([2, 2, 1, 1]);
    expect(took.sum).to.be.closeTo(1111.6, 1e-9);
  });

  it('has a snapshot that is a copy and can be posted to another thread', () => {
    const metrics = new Metrics(TABLE);
    metrics.histogram('took').observe(5);
    const snapshot = metrics.snapshot();
    const posted = structuredClone(snapshot);
    metrics.histogram('took').observe(5);
    expect(posted).to.deep.equal(snapshot);
    expect(snapshot[0].kind === 'histogram' && [...snapshot[0].counts]).to.deep.equal([0, 1, 0, 0]);
  });

  it('merges the snapshots of several threads', () => {
    const [a, b] = [new Metrics(TABLE), new Metrics(TABLE)];
    a.counter('drops', { reason: 'full' }).add(2);
    b.counter('drops', { reason: 'full' }).add(3);
    b.counter('drops', { reason: 'bad' }).add(1);
    a.gauge('depth').set(5);
    b.gauge('depth').set(6);
    a.gauge('lag').set(5);
    b.gauge('lag').set(3);
    a.histogram('took').observe(1);
    b.histogram('took').observe(50);
    expect(toVars(mergeSnapshots([a.snapshot(), b.snapshot()]))).to.deep.equal({
      drops: { 'reason=full': 5, 'reason=bad': 1 },
      depth: 11,
      lag: 5,
      took: { count: 2, sum: 51, p50: 1, p90: 82, p99: 98.2 },
    });
  });

  it('tells what happened between two snapshots', () => {
    const metrics = new Metrics(TABLE);
    metrics.counter('drops', { reason: 'full' }).add(2);
    metrics.gauge('depth').set(5);
    metrics.histogram('took').observe(5);
    const before = metrics.snapshot();
    metrics.counter('drops', { reason: 'full' }).add(7);
    metrics.gauge('depth').set(4);
    metrics.histogram('took').observe(50);
    metrics.gauge('lag').set(1);
    expect(toVars(snapshotDelta(before, metrics.snapshot()))).to.deep.include({
      drops: { 'reason=full': 7 },
      depth: 4,
      lag: 1,
    });
    const [, , took] = snapshotDelta(before, metrics.snapshot());
    expect(took.kind === 'histogram' && [...took.counts]).to.deep.equal([0, 0, 1, 0]);
  });

  it('estimates quantiles inside their bucket', () => {
    const took = new Metrics(TABLE).histogram('took');
    const sample = (): Parameters<typeof histogramQuantile>[0] => ({
      kind: 'histogram',
      name: 'took',
      labels: {},
      bounds: took.bounds,
      counts: took.counts,
      sum: 0,
    });
    expect(histogramQuantile(sample(), 0.5)).to.equal(null);
    for (let i = 0; i < 10; i++) took.observe(5);
    expect(histogramQuantile(sample(), 0.5)).to.equal(5.5);
    expect(histogramQuantile(sample(), 1)).to.equal(10);
    for (let i = 0; i < 90; i++) took.observe(5000);
    expect(histogramQuantile(sample(), 0.99)).to.equal(100);
  });

  it('writes the Prometheus text format', () => {
    const metrics = new Metrics(TABLE);
    metrics.counter('drops', { reason: 'a "b"\\\nc' }).add(2);
    metrics.gauge('depth').set(1.5);
    metrics.histogram('took').observe(5);
    metrics.histogram('took').observe(500);
    expect(toPrometheus(metrics.snapshot(), TABLE).split('\n')).to.deep.equal([
      '# HELP millrace_drops_total dropped',
      '# TYPE millrace_drops_total counter',
      'millrace_drops_total{reason="a \\"b\\"\\\\\\nc"} 2',
      '# HELP millrace_depth queue depth',
      '# TYPE millrace_depth gauge',
      'millrace_depth 1.5',
      '# HELP millrace_took time\\nand "more" \\\\',
      '# TYPE millrace_took histogram',
      'millrace_took_bucket{le="1"} 0',
      'millrace_took_bucket{le="10"} 1',
      'millrace_took_bucket{le="100"} 1',
      'millrace_took_bucket{le="+Inf"} 2',
      'millrace_took_sum 505',
      'millrace_took_count 2',
      '',
    ]);
  });

  it('has a table whose names Prometheus and line protocol take', () => {
    for (const [name, definition] of Object.entries(METRICS) as [string, MetricTable[string]][]) {
      expect(name).to.match(/^[a-z][a-z0-9_]*$/);
      expect(definition.help).to.match(/^\S.*[^.]$/);
      for (const label of definition.labels ?? []) expect(label).to.match(/^[a-z]+$/);
      const buckets = definition.buckets ?? [];
      expect([...buckets].sort((a, b) => a - b)).to.deep.equal([...buckets]);
      expect(buckets.length > 0).to.equal(definition.kind === 'histogram');
    }
  });
});
