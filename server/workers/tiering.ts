/**
 * When V8 compiles for good. By its own measure a function is optimised after some 3,000 calls, and 500 more whenever it meets a kind of
 * object it had not met: fair for what runs for every row, but most of what answers a query is called once a query, on one of several
 * threads that compile each for itself. A dashboard's queries would be slow for ten thousand questions. Where queries are asked it is a
 * tenth of that; not from the start, as code that only writes run through is compiled too soon then, thrown away and compiled again.
 */
import { setFlagsFromString } from 'node:v8';

/** Whose counts these are, measured with Node 22; another V8 keeps its own. */
const V8_KNOWN = '12.4.';
const CALLS_UNTIL_OPTIMISED = 300;
const CALLS_AFTER_NEWS = 50;

/** Fewer come from whoever looks once, or creates what is then written to. */
const QUERIES_UNTIL_SOONER = 100;

export class Tiering {
  #queries = 0;

  /** A query has been asked. The hundredth changes the counts, for all threads of the process. */
  asked(): void {
    if (++this.#queries !== QUERIES_UNTIL_SOONER || !process.versions.v8.startsWith(V8_KNOWN)) return;
    setFlagsFromString(`--invocation-count-for-turbofan=${CALLS_UNTIL_OPTIMISED}`);
    setFlagsFromString(`--minimum-invocations-after-ic-update=${CALLS_AFTER_NEWS}`);
  }
}
