/** How long to wait before the next try. Pure: the caller passes the random number, in [0, 1). */

/** The first pause: long enough not to spin, short enough that a restarted server is not missed by a person. */
const FIRST_MS = 200;
/** The longest pause: a server that was away for an hour is found again within this. */
const LONGEST_MS = 10_000;

/** Doubles from try to try; half of it is chance, so that a thousand clients of one restarted server do not come back together. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(full / 2 + (full / 2) * random);
}

/** What the server asked for, and up to a quarter more. */
export function spreadMs(asked: number, random: number): number {
  return Math.round(asked + asked * 0.25 * random);
}
