/** Arithmetic of durations and numbers, as InfluxDB has it wherever constants are computed: in bounds of time, and in GROUP BY. */
import type { BinaryOperator } from './ast.ts';

/** A duration, ns, times or by a whole number; what is behind its point does not count, and by 0 is 0. null = there is no such operation. */
export function scaledDuration(operator: BinaryOperator, ns: bigint, by: bigint | number): bigint | null {
  const factor = typeof by === 'number' ? BigInt(Math.trunc(by)) : by;
  if (operator === '*') return ns * factor;
  if (operator !== '/') return null;
  return factor === 0n ? 0n : ns / factor;
}
