/**
 * What `/metrics` and `/debug/vars` answer, made of a (merged) snapshot. Called by the HTTP door. Metrics that no thread has
 * touched yet are absent; help texts come from the table.
 */
import { METRICS, type MetricTable } from './catalog.ts';
import {
  type HistogramSample,
  histogramCount,
  histogramQuantile,
  type Labels,
  type MetricsSnapshot,
  type Sample,
} from './snapshot.ts';

/** Prometheus text exposition 0.0.4. */
export function toPrometheus(snapshot: MetricsSnapshot, table: MetricTable = METRICS): string {
  const groups = new Map<string, Sample[]>();
  for (const sample of snapshot) {
    const group = groups.get(sample.name);
    if (group === undefined) groups.set(sample.name, [sample]);
    else group.push(sample);
  }
  let text = '';
  for (const [name, samples] of groups) {
    const { kind } = samples[0];
    const exposed = kind === 'counter' ? `millrace_${name}_total` : `millrace_${name}`;
    text += `# HELP ${exposed} ${escapeHelp(table[name]?.help ?? '')}\n# TYPE ${exposed} ${kind}\n`;
    for (const sample of samples) {
      if (sample.kind === 'histogram') text += histogramLines(exposed, sample);
      else text += `${exposed}${labelText(sample.labels)} ${numberText(sample.value)}\n`;
    }
  }
  return text;
}

/** A plain object for JSON: name → number, or name → { "label=value,…": number }; a histogram is { count, sum, p50, p90, p99 }. */
export function toVars(snapshot: MetricsSnapshot): Record<string, unknown> {
  const vars: Record<string, unknown> = {};
  for (const sample of snapshot) {
    const value = sample.kind === 'histogram' ? histogramVars(sample) : sample.value;
    const labels = Object.entries(sample.labels);
    if (labels.length === 0) {
      vars[sample.name] = value;
      continue;
    }
    const group = (vars[sample.name] ??= {}) as Record<string, unknown>;
    group[labels.map(([label, text]) => `${label}=${text}`).join(',')] = value;
  }
  return vars;
}

// private functions

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function histogramLines(name: string, sample: HistogramSample): string {
  let text = '';
  let below = 0;
  for (let i = 0; i < sample.counts.length; i++) {
    below += sample.counts[i];
    const le = i < sample.bounds.length ? numberText(sample.bounds[i]) : '+Inf';
    text += `${name}_bucket${labelText({ ...sample.labels, le })} ${below}\n`;
  }
  const labels = labelText(sample.labels);
  return `${text}${name}_sum${labels} ${numberText(sample.sum)}\n${name}_count${labels} ${below}\n`;
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

function histogramVars(sample: HistogramSample): Record<string, number | null> {
  return {
    count: histogramCount(sample),
    sum: sample.sum,
    p50: histogramQuantile(sample, 0.5),
    p90: histogramQuantile(sample, 0.9),
    p99: histogramQuantile(sample, 0.99),
  };
}
