/** Names of time precisions as InfluxDB's `precision=` takes them. */
import type { Precision } from '../../model/index.ts';

const NAMES: Readonly<Record<string, Precision>> = {
  '': 'ns',
  n: 'ns',
  ns: 'ns',
  u: 'us',
  us: 'us',
  µ: 'us',
  μ: 'us',
  ms: 'ms',
  s: 's',
  m: 'm',
  h: 'h',
};

/** null where the text names no precision. */
export function normalisePrecision(text: string): Precision | null {
  return Object.hasOwn(NAMES, text) ? NAMES[text] : null;
}
