/**
 * How long work in the background may hold its thread: it asks often, and others run when its share of a turn is used up. What has used
 * it up stands in line; one is let on in each round of the event loop, so that a round holds one slice, be there decoding, sealing and
 * cleaning to be done at once.
 */

/** A write or a query waits at most this much longer, and what the asking piece of work takes. */
const SLICE_MS = 5;
/** The same of work that nobody waits for. */
export const IDLE_SLICE_MS = 3;

/** One at a time, in order, each in a round of the event loop of its own. */
export class Line {
  readonly #waiting: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(() => this.#round());
    });
  }

  // private functions

  #round(): void {
    const first = this.#waiting.shift()!;
    if (this.#waiting.length > 0) setImmediate(() => this.#round());
    first();
  }
}

/** Of this thread. */
const background = new Line();

/** A turn of its own, whatever has been used. */
export function nextTurn(): Promise<void> {
  return background.next();
}

/** Resolves at once while the share lasts, else after everything that waits has run. */
export function makePause(sliceMs = SLICE_MS): () => Promise<void> {
  let beganMs = performance.now();
  const goOn = (): void => {
    beganMs = performance.now();
  };
  return () => (performance.now() - beganMs < sliceMs ? Promise.resolve() : background.next().then(goOn));
}
