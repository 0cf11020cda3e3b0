/**
 * Patience with a service across a network: an attempt that failed for a reason that may pass is made again, after a pause that
 * doubles and is cut by chance, so that many callers do not come back together; all of it within a deadline, and each attempt within
 * a time of its own, as a request may hang for ever.
 */
import { StorageError } from '../../storage/index.ts';

/** Thrown by an attempt: the reason may pass. */
export class Passing extends Error {}

export interface Patience {
  /** From the first attempt on; when it has passed, no further one is begun. */
  readonly deadlineMs: number;
  /** Of one attempt. */
  readonly attemptMs: number;
  /** Called before an attempt is made again. */
  readonly again?: (reason: string) => void;
}

const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 5_000;

/** What the attempt gives; its errors as they are, but for `Passing` and those of the network: these become `unreachable`. */
export async function patiently<T>(
  what: string,
  { deadlineMs, attemptMs, again }: Patience,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const beganMs = performance.now();
  for (let n = 0; ; n++) {
    const leftMs = Math.max(1, deadlineMs - (performance.now() - beganMs));
    const signal = AbortSignal.timeout(Math.ceil(Math.min(attemptMs, leftMs)));
    let reason: Error;
    try {
      return await attempt(signal);
    } catch (error) {
      if (error instanceof StorageError || !(error instanceof Error)) throw error;
      reason = error;
    }
    const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** n) * (0.5 + Math.random() / 2);
    if (performance.now() - beganMs + pauseMs >= deadlineMs) {
      throw new StorageError('unreachable', `${what}: ${textOf(reason)}; given up after ${n + 1} attempts`, reason);
    }
    again?.(textOf(reason));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

// private functions

/** fetch says "fetch failed" and why in its cause. */
function textOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
