/**
 * The registry of one thread: the composition root of each thread makes one and passes it to whoever counts; there is no global.
 * A counter is an object with one number field, so that counting on the hot path costs an addition: ask for it once, keep it.
 *
 * Names and labels must be those of the table (catalog.ts): anything else is a programmer's error. The same name and labels give
 * the same object. Values of labels may come from users, so their number is bounded: what is beyond shares the value `other`.
 */
import { METRICS, type MetricDefinition, type MetricTable } from './catalog.ts';
import type { Labels, MetricsSnapshot, Sample } from './snapshot.ts';

/** Label sets of one metric; more than a person or a scraper reads means that somebody labels with data. */
export const LABEL_SETS_MAX = 256;

/** The label value of all label sets beyond the limit. */
const OVERFLOW = 'other';

type NameOf<T extends MetricTable, K extends MetricDefinition['kind']> = {
  [N in keyof T]: T[N]['kind'] extends K ? N : never;
}[keyof T] &
  string;

export class Counter {
  value = 0;

  add(by = 1): void {
    this.value += by;
  }
}

export class Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  add(by = 1): void {
    this.value += by;
  }
}

export class Histogram {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** A value equal to a bound is in the bucket of that bound. */
  observe(value: number): void {
    const { bounds } = this;
    let i = 0;
    while (i < bounds.length && value > bounds[i]) i++;
    this.counts[i]++;
    this.sum += value;
  }
}

type Instrument = Counter | Gauge | Histogram;

interface Family {
  readonly definition: MetricDefinition;
  readonly members: Map<string, { readonly labels: Labels; readonly instrument: Instrument }>;
}

export class Metrics<T extends MetricTable = typeof METRICS> {
  readonly table: T;
  readonly #families = new Map<string, Family>();

  constructor(table: T = METRICS as unknown as T) {
    this.table = table;
  }

  counter(name: NameOf<T, 'counter'>, labels: Labels = {}): Counter {
    return this.#member(name, 'counter', labels) as Counter;
  }

  gauge(name: NameOf<T, 'gauge'>, labels: Labels = {}): Gauge {
    return this.#member(name, 'gauge', labels) as Gauge;
  }

  histogram(name: NameOf<T, 'histogram'>, labels: Labels = {}): Histogram {
    return this.#member(name, 'histogram', labels) as Histogram;
  }

  /** Plain data, a copy: it may be posted to another thread and does not change any more. */
  snapshot(): MetricsSnapshot {
    const samples: Sample[] = [];
    for (const [name, family] of this.#families) {
      for (const { labels, instrument } of family.members.values()) {
        samples.push(sampleOf(name, family.definition, labels, instrument));
      }
    }
    return samples;
  }

  // private functions

  #member(name: string, kind: MetricDefinition['kind'], labels: Labels): Instrument {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { definition: definitionOf(this.table, name), members: new Map() };
      this.#families.set(name, family);
    }
    const { definition, members } = family;
    if (definition.kind !== kind) throw new TypeError(`metric '${name}' is a ${definition.kind}, not a ${kind}`);
    // what is there is found without a copy of the labels: some are asked for with every request
    const known = members.get(keyOf(definition, labels));
    if (known !== undefined && Object.keys(labels).length === (definition.labels?.length ?? 0)) return known.instrument;
    let kept = orderedLabels(name, definition, labels);
    if (members.size >= LABEL_SETS_MAX) {
      kept = Object.fromEntries(Object.keys(kept).map((label) => [label, OVERFLOW]));
    }
    const key = keyOf(definition, kept);
    const found = members.get(key);
    if (found !== undefined) return found.instrument;
    const instrument = newInstrument(definition);
    members.set(key, { labels: kept, instrument });
    return instrument;
  }
}

// private functions

function definitionOf(table: MetricTable, name: string): MetricDefinition {
  if (!Object.hasOwn(table, name)) throw new TypeError(`unknown metric '${name}': add it to the table`);
  return table[name];
}

/** Equal for equal values of its labels. */
function keyOf({ labels: wanted = [] }: MetricDefinition, labels: Labels): string {
  if (wanted.length === 0) return '';
  return wanted.length === 1 ? labels[wanted[0]] : JSON.stringify(wanted.map((label) => labels[label]));
}

function orderedLabels(name: string, definition: MetricDefinition, labels: Labels): Labels {
  const wanted = definition.labels ?? [];
  const given = Object.keys(labels);
  if (given.length !== wanted.length || !wanted.every((label) => Object.hasOwn(labels, label))) {
    throw new TypeError(`metric '${name}' has the labels [${wanted.join(', ')}], not [${given.join(', ')}]`);
  }
  return Object.fromEntries(wanted.map((label) => [label, labels[label]]));
}

function newInstrument(definition: MetricDefinition): Instrument {
  if (definition.kind === 'counter') return new Counter();
  if (definition.kind === 'gauge') return new Gauge();
  return new Histogram(definition.buckets ?? []);
}

function sampleOf(name: string, definition: MetricDefinition, labels: Labels, instrument: Instrument): Sample {
  if (instrument instanceof Histogram) {
    const { bounds, counts, sum } = instrument;
    return { kind: 'histogram', name, labels, bounds, counts: counts.slice(), sum };
  }
  const kind = definition.kind === 'counter' ? 'counter' : 'gauge';
  return { kind, name, labels, merge: definition.merge ?? 'sum', value: instrument.value };
}
