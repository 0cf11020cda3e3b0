/**
 * Where ours answers otherwise than InfluxDB 1.6.7, and why. Each rule has an example that must still differ and still be covered: a
 * rule that matches nothing any more fails the test. docs/influxql-differences.md lists them for users; the test holds the two together.
 */
import type { Asked } from './statements.ts';

export interface KnownDifference {
  /** The heading in docs/influxql-differences.md. */
  readonly name: string;
  readonly example: string;
  /** Of the example's request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Whether this is what makes the two answers differ; called only where they do. */
  covers(asked: Asked, theirs: string, ours: string): boolean;
}

/** In the order of the list. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: 'Numbers that JSON cannot say',
    example: 'SELECT f * 1000000 FROM huge',
    covers: (_asked, theirs) => theirs.startsWith('json: error calling MarshalJSON'),
  },
  {
    name: 'OFFSET without LIMIT',
    example: 'SELECT v FROM steps GROUP BY k OFFSET 3',
    covers: ({ q }) => /\boffset [1-9]/i.test(q) && !/\blimit [1-9]/i.test(q),
  },
  {
    name: 'Errors between statements',
    example: 'SHOW TAG KEYS ON nodatabase; SHOW DATABASES; SHOW DATABASES',
    covers: ({ q }, theirs) => q.includes(';') && theirs.includes('"error":"not executed"'),
  },
  {
    name: 'Microseconds by their own letter',
    example: 'SELECT v FROM one',
    parameters: { epoch: 'µ' },
    covers: ({ parameters }) => parameters.epoch === 'µ',
  },
  {
    name: 'Chunks of SHOW',
    example: 'SHOW TAG KEYS',
    parameters: { chunked: 'true' },
    covers: ({ q, parameters }, theirs, ours) =>
      parameters.chunked === 'true' && /^show/i.test(q) && ours.replaceAll(',"partial":true', '') === theirs,
  },
];
