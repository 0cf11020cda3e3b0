/**
 * How long tests wait for what has to come, ms. It says only when to give up: a test waits for what it is about, never for a time, and a
 * machine may be slow and full of other work. Below the time that mocha gives a test (.mocharc.json), so that the error says what was
 * missed.
 */
export const PATIENCE_MS = 120_000;
