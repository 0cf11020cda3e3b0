/** How long work in the background may hold its thread: it asks often, and others run when its share of a turn is used up. */

/** A write or a query waits at most this much longer, and what the asking piece of work takes. */
const SLICE_MS = 5;
/** The same of work that nobody waits for. */
export const IDLE_SLICE_MS = 3;

/** Resolves at once while the share lasts, else after everything that waits has run. */
export function makePause(sliceMs = SLICE_MS): () => Promise<void> {
  let beganMs = performance.now();
  return () => {
    if (performance.now() - beganMs < sliceMs) return Promise.resolve();
    return new Promise((resolve) => {
      setImmediate(() => {
        beganMs = performance.now();
        resolve();
      });
    });
  };
}
