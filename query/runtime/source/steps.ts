/**
 * Work in steps: a generator gives null between two of them, where it may be left for a while or given up, and returns what it has
 * made. Whatever may take longer than some milliseconds over what one query can hold (sorts above all) is written so.
 */
import type { Turn } from './source.ts';

export type Steps<T> = Generator<null, T>;

/** Rows, cells or values that are looked at in one step: about a millisecond, so that a query given up ends within some. */
export const STEP_ROWS = 65_536;

/** Series of which texts are made, or tags looked at, in one step. */
export const STEP_SERIES = 4_096;

/** What the steps make, all of them in this turn. */
export function finished<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** What the steps give on their way, but for the nulls; as `inTurns`. */
export async function* givenInTurns<T>(steps: Iterable<T | null>, turn: Turn): AsyncGenerator<T> {
  for (const step of steps) {
    if (step !== null) yield step;
    const wait = turn();
    if (wait !== null) await wait;
  }
}

/** What the steps make; rejects where the query is given up between two of them. */
export async function inTurns<T>(steps: Steps<T>, turn: Turn): Promise<T> {
  let step = steps.next();
  while (step.done !== true) {
    const wait = turn();
    if (wait !== null) await wait;
    step = steps.next();
  }
  return step.value;
}
