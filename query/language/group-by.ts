/**
 * What GROUP BY and fill() may hold, read from the expressions the grammar lets through there, and refused in InfluxDB's words.
 * Called by statements.ts. What GROUP BY may not hold, and several time dimensions, are let through: the planner says no to them.
 */
import type { Dimension, Expression, Fill } from './ast.ts';
import { parseError } from './errors.ts';

export function toDimension(expression: Expression): Dimension {
  while (expression.kind === 'parenthesis') expression = expression.inner;
  switch (expression.kind) {
    case 'reference':
      if (expression.name.toLowerCase() === 'time') {
        return refused('time() is a function and expects at least one argument', expression);
      }
      return { kind: 'tag', name: expression.name };
    case 'wildcard':
      return { kind: 'wildcard' };
    case 'regex':
      return { kind: 'regex', pattern: expression.pattern };
    case 'call':
      return toTimeDimension(expression);
    default:
      return refused('only time and tag dimensions allowed', expression);
  }
}

/** The argument of tz(): a zone that the engine knows. */
export function toTimeZone(args: readonly Expression[], at: number): string {
  const [name] = args;
  if (name === undefined || args.length > 1) throw parseError('tz requires exactly one argument', at);
  if (name.kind !== 'string') throw parseError('expected string argument in tz()', at);
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name.value });
  } catch {
    throw parseError(`unable to find time zone ${name.value}`, at);
  }
  return name.value;
}

export function toFill(args: readonly Expression[], at: number): Fill {
  const [value] = args;
  if (value === undefined || args.length > 1) {
    throw parseError('fill requires an argument, e.g.: 0, null, none, previous, linear', at);
  }
  if (value.kind === 'integer' || value.kind === 'number') return { kind: 'value', value: value.value };
  if (value.kind === 'reference' && value.cast === null) {
    const { name } = value;
    if (name === 'null' || name === 'none' || name === 'previous' || name === 'linear') return { kind: name };
  }
  throw parseError('expected number argument in fill()', at);
}

// private functions

function toTimeDimension(call: Expression & { kind: 'call' }): Dimension {
  const { name, args } = call;
  if (name !== 'time') return refused('only time() calls allowed in dimensions', call);
  const [interval, offset] = args;
  if (interval === undefined || args.length > 2) {
    return refused('time dimension expected 1 or 2 arguments', call);
  }
  if (interval.kind !== 'duration') {
    return refused('time dimension must have duration argument', call);
  }
  if (offset && offset.kind !== 'duration' && !isNow(offset) && !isDate(offset)) {
    return refused('time dimension offset must be duration or now()', call);
  }
  return { kind: 'time', interval: interval.ns, offset: offset ?? null };
}

function refused(message: string, expression: Expression): Dimension {
  return { kind: 'refused', message, expression };
}

function isNow(expression: Expression): boolean {
  return expression.kind === 'call' && expression.name === 'now' && expression.args.length === 0;
}

function isDate(expression: Expression): boolean {
  return expression.kind === 'string' && /^\d{4}-\d{2}-\d{2}/.test(expression.value);
}
