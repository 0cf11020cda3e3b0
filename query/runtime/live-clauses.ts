/**
 * The clauses WATERMARK, LATENESS and EMIT as the time rules of a live query. What they may say and nothing does yet is refused: a
 * clause that is read and not kept would be worse than none.
 */
import type { EmitClause, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { DEFAULT_RULES, type TimeRules } from './watermark.ts';

/** Throws QueryError. */
export function timeRules({ watermark, lateness, emit }: SelectStatement): TimeRules {
  if (watermark?.perSeries === true) refuse('WATERMARK PER SERIES');
  if (lateness !== undefined && lateness.after !== 'drop') refuse('LATENESS with RECOMPUTE or INTO');
  return {
    delay: watermark?.delay ?? DEFAULT_RULES.delay,
    idle: watermark?.idle ?? DEFAULT_RULES.idle,
    ahead: watermark?.ahead ?? DEFAULT_RULES.ahead,
    lateness: lateness?.within ?? DEFAULT_RULES.lateness,
    emitEvery: DEFAULT_RULES.emitEvery,
    ...(emit && emission(emit)),
  };
}

// private functions

/** Of the two lists that are kept, in any order: `ON CLOSE, ON LATE`, and those with `EVERY interval ON CHANGE`. */
function emission(emit: readonly EmitClause[]): Partial<TimeRules> {
  const every = emit.find((clause) => clause.on === 'every');
  const kinds = new Set(emit.map(({ on }) => on));
  const finals = kinds.has('close') && kinds.has('late');
  if (finals && emit.length === 2) return { finalOnly: true };
  if (finals && emit.length === 3 && every?.ifChanged === true) return { emitEvery: every.interval };
  return refuse('EMIT other than EVERY interval ON CHANGE, ON CLOSE, ON LATE or ON CLOSE, ON LATE');
}

function refuse(what: string): never {
  throw new QueryError('invalid', `live query: ${what} is not supported by this server yet`);
}
