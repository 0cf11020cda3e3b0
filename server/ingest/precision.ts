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

/** How times of a precision become seconds and the rest: whole seconds each, or a part of one. */
export const UNITS = {
  ns: { perSecond: 1e9, secondsEach: 0 },
  us: { perSecond: 1e6, secondsEach: 0 },
  ms: { perSecond: 1e3, secondsEach: 0 },
  s: { perSecond: 1, secondsEach: 1 },
  m: { perSecond: 0, secondsEach: 60 },
  h: { perSecond: 0, secondsEach: 3600 },
} as const;

/** null where the text names no precision. */
export function normalisePrecision(text: string): Precision | null {
  return Object.hasOwn(NAMES, text) ? NAMES[text] : null;
}
