/** Long ranges of history in parts: so many windows are read and written at a time, however long the range is. */
import { earlier } from '../../model/index.ts';
import { type Plan, windowOf, windowStart } from '../../query/index.ts';

/** At a window a minute, most of a day; far below what a query may hold, unless there are very many series. */
const SPAN_WINDOWS = 1_000;

/** Parts [from, to), ns, that are [from, to) together; their edges are edges of windows. Without windows it is one part. */
export function* spansOf(plan: Plan, from: bigint, to: bigint): Generator<readonly [bigint, bigint]> {
  for (let at = from; at < to; ) {
    const next = plan.window === null ? to : windowStart(plan, windowOf(plan, at) + SPAN_WINDOWS);
    const end = earlier(next, to);
    yield [at, end];
    at = end;
  }
}
