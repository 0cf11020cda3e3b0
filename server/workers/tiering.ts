/**
 * When V8 compiles for good. By its own measure a function is optimised after some 3,000 calls, and 500 more whenever it meets a kind of
 * object it had not met: fair for what runs for every row, but most of what answers a query is called once a query, on one of several
 * threads that compile each for itself. A dashboard's queries would be slow for ten thousand questions. Where queries are asked it is a
 * tenth of that; not from the start, as code that only writes run through is compiled too soon then, thrown away and compiled again.
 *
 * V8 gives a function its count when it begins to watch it, in its eighth call, and gives it another one when that is used up. So the
 * counts have to be there before the code of queries has been called as often (docs/adr/0104).
 */
import { setFlagsFromString } from 'node:v8';

/** Whose counts these are, measured with Node 22; another V8 keeps its own. */
const V8_KNOWN = '12.4.';
const CALLS_UNTIL_OPTIMISED = 300;
const CALLS_AFTER_NEWS = 50;

/** Fewer come from whoever looks once, or creates what is then written to; with more, what has run in each of them keeps its old count. */
const QUERIES_UNTIL_SOONER = 8;

export class Tiering {
  #queries = 0;

  /** A query has been asked. The eighth changes the counts, for all threads of the process. */
  asked(): void {
    if (++this.#queries !== QUERIES_UNTIL_SOONER || !process.versions.v8.startsWith(V8_KNOWN)) return;
    setFlagsFromString(`--invocation-count-for-turbofan=${CALLS_UNTIL_OPTIMISED}`);
    setFlagsFromString(`--minimum-invocations-after-ic-update=${CALLS_AFTER_NEWS}`);
  }
}
