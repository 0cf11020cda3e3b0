/** Where WATERMARK … PER SERIES has a meaning: windows that a series closes by its own time. The rest is refused, with the reason. */
import type { SelectStatement } from '../../language/ast.ts';
import { QueryError } from '../../language/errors.ts';
import type { Plan } from '../../planner/plan.ts';
import type { TimeRules } from './watermark.ts';

const EXPECTED = 'expected aggregates by time(…), hop(…) or cumulate(…)';

/** Of a statement, before there is a plan. Throws QueryError('invalid'). */
export function assertSeriesNamed({ watermark, dimensions }: SelectStatement): void {
  if (watermark?.perSeries !== true) return;
  if (!dimensions.some(({ kind }) => kind === 'time' || kind === 'window')) {
    refuse(`it closes the windows of a series by its own time, and there are none: ${EXPECTED}`);
  }
  if (dimensions.every(({ kind }) => kind === 'time' || kind === 'window')) {
    refuse('all points are one series here: name the tags of a series in GROUP BY, or leave it out');
  }
}

/** Throws QueryError('invalid'). */
export function assertOwnWatermarks(plan: Plan, rules: TimeRules, leaves: readonly unknown[] | undefined): void {
  if (rules.perSeries === undefined) return;
  if (leaves !== undefined || plan.kind === 'raw' || plan.window === null) {
    refuse(`rows are put together from points of all series at one time: ${EXPECTED}`);
  }
  if (plan.windows !== undefined && plan.windows.length > 1) {
    refuse('windows of several kinds end at one time: ask for each kind apart');
  }
  if (rules.recomputes || rules.keepsLate) {
    const what = rules.recomputes ? 'RECOMPUTE' : 'INTO';
    refuse(`LATENESS with ${what} has shards judge which points come too late, and those know one time for all series`);
  }
}

// private functions

function refuse(reason: string): never {
  throw new QueryError('invalid', `live query: WATERMARK PER SERIES has no place here: ${reason}`);
}
