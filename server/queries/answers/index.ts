/** Results to bytes, on the worker that has them: whole answers by format, and the members of live frames. */
export * from './answer.ts';
export { encodeAnswer } from './encode.ts';
export { jsonRows } from './json-rows.ts';
export { linesOf } from './lines.ts';
export * from './live-members.ts';
export { SeriesNumbers } from './series-numbers.ts';
