/**
 * When V8 compiles for good. By its own measure a function is optimised after some 3,000 calls, and 500 more whenever it meets a kind of
 * object it had not met: fair for a page that runs for ever on one thread, but most of what answers a query is called once a query, on
 * one of several threads that compile each for itself. A dashboard's queries would be slow for ten thousand questions. From when all threads
 * are ready it is a tenth of that; before, nearly all that runs runs once, and compiling it early costs a start a second.
 */
import { setFlagsFromString } from 'node:v8';

/** Whose counts these are, measured with Node 22; another V8 keeps its own. */
const V8_KNOWN = '12.4.';
const CALLS_UNTIL_OPTIMISED = 300;
const CALLS_AFTER_NEWS = 50;

/** For all threads of the process. */
export function compileSooner(): void {
  if (!process.versions.v8.startsWith(V8_KNOWN)) return;
  setFlagsFromString(`--invocation-count-for-turbofan=${CALLS_UNTIL_OPTIMISED}`);
  setFlagsFromString(`--minimum-invocations-after-ic-update=${CALLS_AFTER_NEWS}`);
}
