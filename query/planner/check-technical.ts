/** What the functions of technical analysis and holt_winters take besides their field, in the words of InfluxDB. Called by check.ts. */
import { AHEAD_MAX } from '../functions/holt-winters.ts';
import type { Expression } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';

type Call = Expression & { kind: 'call' };

/** Periods are rows that some of them keep. */
const PERIOD_MAX = 1_000_000n;

export function checkTechnical({ name, args }: Call): void {
  const kaufman = name.startsWith('kaufmans');
  const most = kaufman ? 3 : 4;
  if (args.length < 2 || args.length > most) {
    refuse(`invalid number of arguments for ${name}, expected at least 2 but no more than ${most}, got ${args.length}`);
  }
  const [, period, hold, warmup] = args;
  if (period!.kind !== 'integer') refuse(`${name} period must be an integer`);
  if (period.value < 1n) refuse(`${name} period must be greater than or equal to 1`);
  if (period.value > PERIOD_MAX) refuse(`${name} period must be less than or equal to ${PERIOD_MAX}`);
  if (hold !== undefined) {
    const least = name === 'triple_exponential_derivative' ? 1n : 0n;
    if (hold.kind !== 'integer') refuse(`${name} hold period must be an integer`);
    if (hold.value < least && hold.value !== -1n) {
      refuse(`${name} hold period must be greater than or equal to ${least}`);
    }
  }
  if (warmup === undefined) return;
  if (warmup.kind !== 'string') refuse(`${name} warmup type must be a string`);
  const words = [...(name === 'chande_momentum_oscillator' ? ['none'] : []), 'exponential', 'simple'];
  if (words.includes(warmup.value)) return;
  refuse(`${name} warmup type must be one of: ${words.map((word) => `'${word}'`).join(' ')}`);
}

export function checkHoltWinters({ name, args }: Call): void {
  if (args.length !== 3) refuse(`invalid number of arguments for ${name}, expected 3, got ${args.length}`);
  const [input, ahead, season] = args;
  if (ahead!.kind !== 'integer') refuse(`expected integer argument as second arg in ${name}`);
  if (ahead.value <= 0n) refuse(`second arg to ${name} must be greater than 0, got ${ahead.value}`);
  if (ahead.value > AHEAD_MAX) refuse(`second arg to ${name} must be at most ${AHEAD_MAX}, got ${ahead.value}`);
  if (season!.kind !== 'integer') refuse(`expected integer argument as third arg in ${name}`);
  if (season.value < 0n) refuse(`third arg to ${name} cannot be negative, got ${season.value}`);
  if (season.value > AHEAD_MAX) refuse(`third arg to ${name} must be at most ${AHEAD_MAX}, got ${season.value}`);
  if (input!.kind !== 'call') refuse(`must use aggregate function with ${name}`);
}

// private functions

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
