/** What a live query keeps beside what its windows need: `WITH (retain = 1h, state_ttl = 1d)` as durations in ns. */
import type { StatementOption } from './ast.ts';
import { QueryError } from './errors.ts';
import { printExpression } from './print-expression.ts';

export interface KeptOptions {
  /** Windows that ended within it are part of what a new subscriber gets first. Not there = open windows are. */
  readonly retain?: bigint;
  /** Of a series that has had no point for so long nothing is kept. Not there = as long as the query runs. */
  readonly stateTtl?: bigint;
}

const NAMES = { retain: 'retain', state_ttl: 'stateTtl' } as const;

/** Throws QueryError. */
export function keptOptions(options: readonly StatementOption[] = []): KeptOptions {
  const kept: { -readonly [K in keyof KeptOptions]: KeptOptions[K] } = {};
  for (const { key, value } of options) {
    if (!Object.hasOwn(NAMES, key)) {
      refuse(`unknown option "${key}" of a live query: expected retain (1h) or state_ttl (1d)`);
    }
    const name = NAMES[key as keyof typeof NAMES];
    if (kept[name] !== undefined) refuse(`option "${key}" of a live query is said twice: expected one of them`);
    if (value.kind !== 'duration' || value.ns <= 0n) {
      refuse(`option "${key}" of a live query: expected a duration above zero (1h), found ${printExpression(value)}`);
    }
    kept[name] = value.ns;
  }
  return kept;
}

// private functions

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
