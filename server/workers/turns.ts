/**
 * Turns: how the queries of a thread share it with everything else. A query works for a slice, then stands in line; one query is let
 * on in each round of the event loop, so that writes, live queries and messages that give a query up come between any two slices,
 * however many queries there are.
 */
import type { Turn } from '../../query/index.ts';
import { Line } from './pause.ts';

/** A query given up hears of it at the end of its slice and of those before it in line: far below the 100 ms that are promised. */
const SLICE_MS = 5;

export class Turns {
  readonly #line = new Line();

  /** For one query on this thread; it throws the signal's reason once that has aborted. */
  of(signal: AbortSignal): Turn {
    let beganMs = performance.now();
    const goOn = (): void => {
      signal.throwIfAborted();
      beganMs = performance.now();
    };
    return () => {
      if (signal.aborted) throw signal.reason;
      return performance.now() - beganMs < SLICE_MS ? null : this.#line.next().then(goOn);
    };
  }
}
