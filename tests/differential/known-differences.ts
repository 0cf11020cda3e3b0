/**
 * Where ours answers otherwise than InfluxDB 1.6.7, and why. Each rule has an example that must still differ and still be covered: a
 * rule that matches nothing any more fails the test. docs/influxql-differences.md lists them for users; the test holds the two together.
 */
import { difference } from './compare.ts';
import type { Asked } from './statements.ts';

export interface KnownDifference {
  /** The heading in docs/influxql-differences.md. */
  readonly name: string;
  readonly example: string;
  /** Whether InfluxDB answers hangs on its cores or its mood: the example may agree. */
  readonly unstable?: boolean;
  /** Of the example's request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Whether this is what makes the two answers differ; called only where they do. */
  covers(asked: Asked, theirs: string, ours: string): boolean;
}

/** Words that the generator's durations, numbers and names cannot hold by chance. */
const TYPES = /::(float|integer|string|boolean|tag)/;

/** Kinds of statements that break rules of the language on purpose, and more than one at once. */
const WRITTEN_BADLY: readonly string[] = [
  'broken',
  'parameters',
  'example',
  'comments',
  'names',
  'broken patterns',
  'bound values',
  'pages of SHOW',
];

/** In the order of the list. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: 'Numbers that JSON cannot say',
    example: 'SELECT * FROM cpu; SELECT * FROM cpu; SELECT sum(f) * 1000000 FROM edge',
    covers: (_asked, theirs, ours) =>
      theirs.startsWith('json: error calling MarshalJSON') && ours.includes(',"error":"json: unsupported value: '),
  },
  {
    name: 'OFFSET without LIMIT',
    example: 'SELECT v FROM steps GROUP BY k OFFSET 3',
    covers: ({ q }) => q.split(';').some((one) => /\boffset [1-9]/i.test(one) && !/\blimit [1-9]/i.test(one)),
  },
  {
    name: 'Shards in the errors of deletes',
    example: 'DELETE FROM cpu WHERE usage > 1',
    covers: ({ q }, theirs, ours) => /^(delete|drop series)/i.test(q) && theirs.replace(/shard \d+: /, '') === ours,
  },
  {
    name: 'Microseconds by their own letter',
    example: 'SELECT v FROM one',
    parameters: { epoch: 'µ' },
    covers: ({ parameters }) => parameters.epoch === 'µ',
  },
  {
    name: 'Types without points',
    example:
      "SELECT max(used) / 0.5 & (max(free) ^ 7) AS x FROM mem WHERE time >= '2173-12-04' AND time <= '2173-12-05' GROUP BY time(5m)",
    covers: (_asked, theirs, ours) =>
      [theirs, ours].some((text) => text.includes('"error":"type error')) &&
      [theirs, ours].every((text) => !text.includes('"error"') || text.includes('"error":"type error')) &&
      !TYPES.test(theirs) &&
      !hasRows(theirs),
  },
  {
    name: 'Which of the points of one time are chosen',
    example: 'SELECT top(v, 2), k FROM steps',
    unstable: true,
    covers: ({ q }, theirs, ours) =>
      sameTimes(theirs, ours) &&
      (q
        .split(';')
        .some((one) => /\b(top|bottom)\(|from \(select (first|last)\(/i.test(one) && isOfSeveralSeries(one)) ||
        // and which comes first of what a subquery has at one time
        /\b(first|last|min|max|percentile|cumulative_sum|difference|derivative|moving_average|elapsed)\(.* from \(/i.test(
          q,
        )),
  },
  {
    name: 'Windows in which percentile has no rank',
    example:
      "SELECT percentile(usage, 1) FROM cpu WHERE time >= '2024-01-10T00:20:00Z' AND time < '2024-01-10T00:25:20Z' GROUP BY time(5m) ORDER BY time DESC",
    covers: ({ q }, theirs, ours) => /percentile\(.*group by/i.test(q) && rowsOf(theirs) !== rowsOf(ours),
  },
  {
    name: 'The same measurement twice',
    example: 'SELECT cumulative_sum(v) FROM steps, steps GROUP BY *',
    covers: ({ q }) => /from (d\.\.)?(\w+|"[^"]*"), \2( |$)/i.test(q),
  },
  {
    name: 'Quotients of whole numbers',
    example: 'SELECT mean(x) FROM (SELECT n / 2 AS x FROM steps)',
    covers: ({ q }) => /from \(select [^(]*\//i.test(q),
  },
  {
    name: 'What an error expects',
    example: 'SELECT v FROM steps AS s WHERE v > 1',
    covers: ({ kind }, theirs, ours) =>
      beforeExpected(theirs) === beforeExpected(ours) ||
      (WRITTEN_BADLY.includes(kind) && theirs.includes('"error"') && ours.includes('"error"')),
  },
  {
    name: 'Windows of a subquery that begin before the range',
    example:
      "SELECT count(x) FROM (SELECT last(v) AS x FROM steps GROUP BY time(5m)) WHERE time >= '2024-01-10T00:03:20Z' AND time < '2024-01-10T00:13:20Z'",
    covers: ({ q }, theirs, ours) =>
      /^select \w+\(x\) from \(.*group by time\(.*\) where time/i.test(q) && rowsOf(theirs) < rowsOf(ours),
  },
  {
    name: 'Integrals of several series',
    example: 'SELECT integral(n) FROM steps GROUP BY *',
    unstable: true,
    covers: ({ q }) => /integral\(.*group by (time\(.*\), )?\*/i.test(q) || /\w\(integral\(/i.test(q),
  },
  {
    name: 'SHOW MEASUREMENTS by tags',
    example: "SHOW MEASUREMENTS WHERE host != 'b'",
    covers: ({ q }) => /^show measurements.*where/i.test(q),
  },
  {
    name: 'Tag values counted by other tags',
    example: "SHOW TAG VALUES EXACT CARDINALITY WITH KEY = host WHERE region != 'us'",
    covers: ({ q }) => /^show tag values .*cardinality.*where/i.test(q),
  },
  {
    name: 'SHOW by a tag that is a field, too',
    example: 'SHOW SERIES FROM "odd näme, ü" WHERE host =~ /^e/',
    unstable: true,
    covers: ({ q }) => /^show .*where host/i.test(q) && !/from (cpu|mem|one)/i.test(q),
  },
  {
    name: 'Shards of weeks',
    example: 'DROP SHARD 999999',
    covers: (_asked, _theirs, ours) => /"(SHOW|DROP) SHARD.* is not supported/.test(ours),
  },
  {
    name: 'Whole numbers past 64 bits',
    example:
      "SELECT mean(i) FROM edge WHERE time >= '2024-01-10T00:00:00Z' AND time < '2024-01-10T00:30:00Z' GROUP BY time(5m)",
    covers: ({ q }) => /from (huge|edge)/i.test(q) && /\bmean\(i\b/i.test(q),
  },
  {
    name: 'Series counted by fields',
    example: "SHOW SERIES EXACT CARDINALITY FROM cpu WHERE note = 'x'",
    covers: ({ q }) => /^show series (exact )?cardinality.* where .*\b(usage|idle|ok|note|host)\b/i.test(q),
  },
  {
    name: 'Absolute values of whole numbers',
    example: 'SELECT abs(n - 10) FROM steps',
    covers: ({ q }, theirs) => /\babs\(/i.test(q) && !theirs.includes('"error"'),
  },
  {
    name: 'LIMIT beside top and bottom',
    example:
      "SELECT bottom(free, 2) FROM mem WHERE time >= '2024-01-09T10:50:00Z' AND time <= '2024-01-10T10:10:00Z' GROUP BY time(12h) LIMIT 3",
    covers: ({ q }) => /\b(top|bottom)\(.*\b(limit|offset) [1-9]/i.test(q),
  },
  {
    name: 'LIMIT where windows are left out',
    example:
      "SELECT mean(usage), last(ok) FROM cpu WHERE time >= '2024-01-10' AND time < '2024-01-10T00:30:00Z' GROUP BY time(1500ms), host fill(none) LIMIT 3",
    covers: ({ q }, theirs, ours) =>
      /fill\(none\).*\blimit [1-9]/i.test(q) && q.includes(',') && rowsOf(theirs) > rowsOf(ours),
  },
  {
    name: 'Which function is refused for its type',
    example: 'SELECT cumulative_sum(ok), moving_average(ok, 2) FROM cpu GROUP BY *',
    unstable: true,
    covers: (_asked, theirs, ours) => [theirs, ours].every((text) => /"unsupported .* iterator type: /.test(text)),
  },
  {
    name: 'Series of more than 10,000 rows',
    example:
      "SELECT last(v) FROM lone WHERE time >= '2024-01-10T00:00:00Z' AND time <= '2024-01-10T06:00:00Z' GROUP BY time(1500ms)",
    covers: (_asked, theirs, ours) =>
      theirs.includes(',"partial":true') &&
      !ours.includes('"partial"') &&
      difference(theirs.replaceAll(',"partial":true', ''), ours) === null,
  },
  {
    name: 'Which of the points of one value percentile and mode take',
    example: 'SELECT percentile(idle, 25.5), note FROM cpu',
    unstable: true,
    covers: ({ q }, theirs, ours) =>
      /\b(percentile\(.*\),|mode\()/i.test(q) && isOfSeveralSeries(q) && rowsOf(theirs) === rowsOf(ours),
  },
  {
    name: 'Standard deviations beyond all floats',
    example: 'SELECT stddev(f) FROM edge',
    unstable: true,
    covers: ({ q }, theirs) => /\bstddev\(/i.test(q) && theirs.startsWith('json: error calling MarshalJSON'),
  },
  {
    name: 'Angles beyond all digits',
    example: 'SELECT cos(exp(v * 2)) FROM steps',
    covers: ({ q }, theirs, ours) => /\b(sin|cos|tan)\(|\) % /i.test(q) && sameTimes(theirs, ours),
  },
  {
    name: 'Averages that hold nothing',
    example:
      "SELECT exponential_moving_average(count(v), 1) FROM steps WHERE time >= '2024-01-10T00:05:00Z' AND time < '2024-01-10T00:10:00Z' GROUP BY time(1m)",
    covers: ({ q }, theirs) => /exponential_\w+\(\w+\(.*\), 1[,)]/i.test(q) && hasRows(theirs),
  },
  {
    name: 'What InfluxDB fails at',
    example: 'SELECT moving_average(v, 9007199254740991) FROM steps',
    covers: (_asked, theirs) => theirs.includes('"statement_id":-1'),
  },
  {
    name: 'Fields shown in another order',
    example: 'SHOW FIELD KEYS ORDER BY DESC',
    covers: ({ q }) => /^show field keys.*order by desc/i.test(q),
  },
  {
    name: 'Windows beside the range inside a subquery',
    example:
      "SELECT moving_average(mean(x), 2) FROM (SELECT mean(free) AS x FROM mem GROUP BY time(1m), *) WHERE time > '2024-01-10T00:09:23Z' AND time <= '2024-01-10T00:30:00Z' GROUP BY time(5m), host",
    covers: ({ q }, theirs, ours) =>
      /(derivative|difference|elapsed|moving_average)\(/i.test(q) &&
      /from \(|\w\((derivative|difference)\(/i.test(q) &&
      /group by time/i.test(q) &&
      ![theirs, ours].some((text) => text.includes('"error"')),
  },
  {
    name: 'Comments where a pattern may stand',
    example: 'SELECT /* all */ v FROM steps',
    covers: ({ q }, theirs) =>
      /\/\*|--/.test(q) && /error parsing regexp|bad regex|found \/, expected|expected regex/.test(theirs),
  },
  {
    name: 'Patterns that end in a backslash',
    example: 'SELECT * FROM /\\\\/ LIMIT 5',
    covers: ({ q }, theirs) => /[^\\](\\\\)+\//.test(q) && theirs.includes('"error"'),
  },
  {
    name: 'Patterns where values stand',
    example: 'SELECT v FROM steps WHERE v = $a',
    parameters: { params: '{"a":{"regex":"x"}}' },
    covers: ({ parameters }, theirs, ours) =>
      (parameters.params ?? '').includes('"regex"') &&
      [theirs, ours].some((text) => text.includes('expected identifier')),
  },
  {
    name: 'Offsets of windows that are dates',
    example:
      "SELECT count(v) FROM steps WHERE time >= '2024-01-10' AND time < '2024-01-11' GROUP BY time(6h, '2024-01-10')",
    covers: (_asked, theirs, ours) => theirs.includes('invalid time dimension offset: ') && !ours.includes('"error"'),
  },
  {
    name: 'Names of time zones',
    example: "SELECT v FROM one tz('europe/berlin')",
    covers: (_asked, theirs, ours) => theirs.includes('unable to find time zone ') && !ours.includes('"error"'),
  },
  {
    name: 'Filled windows inside a subquery',
    example:
      "SELECT x FROM (SELECT last(v) AS x FROM steps WHERE time >= '2024-01-10' AND time < '2024-01-10T00:20:00Z' GROUP BY time(5m), k fill(-2.5))",
    covers: ({ q }) => /from \(.*group by time\(.*fill\((?!none|null).*\)/i.test(q),
  },
  {
    name: 'Deviations of one value inside a subquery',
    example: 'SELECT y FROM (SELECT stddev(v) AS y FROM one)',
    covers: ({ q }) => /(from \(.*|\w\()stddev\(/i.test(q),
  },
  {
    name: 'Whole numbers past 63 bits in a text',
    example: 'SELECT i / 18446744073709551615 FROM huge',
    covers: ({ q }) => /\b(9223372036854775808|18446744073709551615)\b/.test(q),
  },
  {
    name: 'Counts by tags',
    example: 'SHOW SERIES EXACT CARDINALITY FROM cpu GROUP BY host',
    covers: ({ q }) => /^show .* cardinality.* group by /i.test(q),
  },
  {
    name: 'Casts over a subquery',
    example: 'SELECT x::string FROM (SELECT v AS x FROM ages)',
    covers: ({ q }) => /::\w+.* from \(/i.test(q),
  },
  {
    name: 'Casts to what is none',
    example: 'SELECT p::tag * a FROM flags LIMIT 1',
    covers: ({ q }, theirs) =>
      q.includes('::') && /incompatible types: |cannot use . between an integer and unsigned/.test(theirs),
  },
  {
    name: 'Bits of what is not there',
    example: 'SELECT count(a) FROM flags WHERE (q ^ p) = p',
    covers: ({ q }, theirs) =>
      /where .*[&|^]/i.test(q) || (/[&|^]/.test(q) && /InterruptIterator"\}|incompatible types/.test(theirs)),
  },
  {
    name: 'Names that are empty',
    example: 'SELECT max("") FROM (SELECT n AS "" FROM steps)',
    covers: ({ q }) => / as ""/i.test(q),
  },
  {
    name: 'Time zones of subqueries',
    example:
      "SELECT x FROM (SELECT max(v) AS x FROM dst WHERE time >= '2024-03-09' AND time < '2024-03-11' GROUP BY time(2h) tz('America/St_Johns'))",
    covers: ({ q }) => /tz\([^)]*\)\)/i.test(q),
  },
  {
    name: 'Distinct values beside other functions',
    example:
      "SELECT difference(max(n)), cumulative_sum(distinct(n)) FROM steps WHERE time >= '2024-01-10' AND time < '2024-01-10T00:20:00Z' GROUP BY time(5m), *",
    covers: ({ q }, _theirs, ours) =>
      /distinct\(/i.test(q) && ours.includes('distinct() cannot be combined with other functions'),
  },
];

// private functions

/** Whether rows of more than one series may come together: GROUP BY * leaves each alone. */
function isOfSeveralSeries(q: string): boolean {
  return !/group by .*\*/i.test(q);
}

function hasRows(text: string): boolean {
  return rowsOf(text) > 0;
}

/** How many rows an answer has; 0 where it cannot be read. */
function rowsOf(text: string): number {
  try {
    const all = resultsOf(text).flatMap(({ series }) => series ?? []);
    return all.reduce((sum, { values }) => sum + values.length, 0);
  } catch {
    return 0;
  }
}

/** An error up to what could have stood there instead; the whole text where it is no such error. */
function beforeExpected(text: string): string {
  return /"error":"(error parsing query: found .*?), expected /.exec(text)?.[1] ?? text;
}

/** Whether two answers have the same series with the same times. */
function sameTimes(theirs: string, ours: string): boolean {
  return sameColumns(theirs, ours, (column) => column === 'time');
}

/** Of an answer in one piece or in chunks. */
function resultsOf(text: string): Answer['results'] {
  const pieces = text.startsWith('{\n') ? [text] : text.trim().split('\n');
  return pieces.flatMap((piece) => (JSON.parse(piece) as Answer).results);
}

interface Answer {
  readonly results: readonly {
    readonly series?: readonly { tags?: unknown; columns: readonly string[]; values: readonly unknown[][] }[];
  }[];
}

/** Whether two answers agree in some of their columns, and have one of these at all. */
function sameColumns(theirs: string, ours: string, keep: (column: string) => boolean): boolean {
  let kept = 0;
  const reduced = [theirs, ours].map((text) => {
    try {
      return resultsOf(text).map(({ series, ...rest }) => ({
        ...rest,
        series: series?.map(({ columns, values, ...head }) => {
          const at = columns.flatMap((column, c) => (keep(column) ? [c] : []));
          kept += at.length;
          return { ...head, columns, values: values.map((row) => at.map((c) => row[c])) };
        }),
      }));
    } catch {
      return text;
    }
  });
  return kept > 0 && difference(JSON.stringify(reduced[0]), JSON.stringify(reduced[1])) === null;
}
