/**
 * A statement that is refused for the types of its fields, over time in which there are no points. InfluxDB knows types of the weeks
 * (shard groups) that a statement's bounds touch, so where these are empty it takes the statement as one over a measurement that is not
 * there; likewise where no series meets the conditions, as its functions find their types wrong only when they have an input.
 */
import { floorDiv } from '../../model/index.ts';
import {
  measurementsOf,
  PLAIN_SELECT,
  type Plan,
  type PlanContext,
  planSelect,
  QueryError,
  type SelectStatement,
  splitTime,
} from '../../query/index.ts';

/** Weeks begin on Mondays; the first of 1970 on its fifth day. */
const WEEK_NS = 604_800_000_000_000n;
const MONDAY_NS = 345_600_000_000_000n;

export function isOfTypes(error: unknown): error is QueryError {
  return isOfInput(error) || (error instanceof QueryError && error.message.startsWith('type error: '));
}

/** Only an input of a function can be refused so. */
export function isOfInput(error: unknown): boolean {
  return error instanceof QueryError && /^unsupported .* iterator type: /.test(error.message);
}

/** What reads a point of the weeks that a statement is about. */
export function pointOfWeeks(statement: SelectStatement, context: PlanContext): Plan {
  const { min, max } = splitTime(statement.condition, context.now).range;
  const any: SelectStatement = {
    ...PLAIN_SELECT,
    fields: [{ expression: { kind: 'wildcard', of: 'field' }, alias: null }],
    sources: measurementsOf(statement),
    limit: 1,
  };
  const plan = planSelect(any, context);
  const bounds = {
    ...plan.bounds,
    ...(min !== null && { min: weekOf(min), minStated: true }),
    ...(max !== null && { max: weekOf(max) + WEEK_NS - 1n, maxStated: true }),
  };
  return { ...plan, bounds };
}

// private functions

function weekOf(time: bigint): bigint {
  return MONDAY_NS + floorDiv(time - MONDAY_NS, WEEK_NS) * WEEK_NS;
}
