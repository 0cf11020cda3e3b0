/**
 * A snapshot: the numbers of a registry at one moment as plain data, so that a worker thread can post it to the main thread, where
 * the snapshots of all threads are merged. Called by exposition.ts and reporter.ts. Knows nothing of names: how numbers are
 * merged travels with them.
 */

export type Labels = Readonly<Record<string, string>>;

export interface NumberSample {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly labels: Labels;
  readonly merge: 'sum' | 'max';
  readonly value: number;
}

export interface HistogramSample {
  readonly kind: 'histogram';
  readonly name: string;
  readonly labels: Labels;
  /** Upper bounds, ascending; `counts` is one longer. */
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  readonly sum: number;
}

export type Sample = NumberSample | HistogramSample;
export type MetricsSnapshot = readonly Sample[];

/** One snapshot of several threads' snapshots, in the order in which names first appear. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const merged = new Map<string, Sample>();
  for (const snapshot of snapshots) {
    for (const sample of snapshot) {
      const key = sampleKey(sample);
      const before = merged.get(key);
      merged.set(key, before === undefined ? sample : mergeSamples(before, sample));
    }
  }
  return [...merged.values()];
}

/** What happened between two snapshots of the same registries: counters and histograms as differences, gauges as they are. */
export function snapshotDelta(before: MetricsSnapshot, after: MetricsSnapshot): MetricsSnapshot {
  const earlier = new Map(before.map((sample) => [sampleKey(sample), sample]));
  return after.map((sample) => {
    const old = earlier.get(sampleKey(sample));
    if (old === undefined) return sample;
    if (sample.kind === 'histogram') {
      if (old.kind !== 'histogram') return sample;
      return {
        ...sample,
        counts: sample.counts.map((count, i) => Math.max(0, count - old.counts[i])),
        sum: Math.max(0, sample.sum - old.sum),
      };
    }
    if (sample.kind === 'gauge' || old.kind === 'histogram') return sample;
    return { ...sample, value: Math.max(0, sample.value - old.value) };
  });
}

export function histogramCount(sample: HistogramSample): number {
  return sample.counts.reduce((sum, count) => sum + count, 0);
}

/**
 * The value below which a share `q` of the observations lies, interpolated inside its bucket; above the last bound it is the last
 * bound. Null where nothing was observed.
 */
export function histogramQuantile(sample: HistogramSample, q: number): number | null {
  const total = histogramCount(sample);
  if (total === 0) return null;
  const rank = q * total;
  let below = 0;
  for (let i = 0; i < sample.bounds.length; i++) {
    const count = sample.counts[i];
    if (count > 0 && below + count >= rank) {
      const low = i === 0 ? 0 : sample.bounds[i - 1];
      return low + (sample.bounds[i] - low) * ((rank - below) / count);
    }
    below += count;
  }
  return sample.bounds[sample.bounds.length - 1];
}

/** Same name and same labels = same key. */
export function sampleKey(sample: { readonly name: string; readonly labels: Labels }): string {
  const labels = Object.entries(sample.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sample.name, labels]);
}

// private functions

function mergeSamples(a: Sample, b: Sample): Sample {
  if (a.kind === 'histogram') {
    if (b.kind !== 'histogram' || b.counts.length !== a.counts.length) throw unlike(a);
    return { ...a, counts: a.counts.map((count, i) => count + b.counts[i]), sum: a.sum + b.sum };
  }
  if (b.kind !== a.kind) throw unlike(a);
  return { ...a, value: a.merge === 'max' ? Math.max(a.value, b.value) : a.value + b.value };
}

function unlike(sample: Sample): TypeError {
  return new TypeError(`metric '${sample.name}' is not the same kind in all threads`);
}
