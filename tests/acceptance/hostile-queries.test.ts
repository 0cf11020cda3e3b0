/** Queries that mean harm, on the real server: each gets a clear answer, and a neighbour is answered while they are at it. */
import { expect } from 'chai';
import { results, series, write } from '../support/api.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const ROWS = 100_000;
const YEAR = "time >= '2024-01-01T00:00:00Z' AND time < '2025-01-01T00:00:00Z'";

/** What is asked, and what its error must say; null = an answer. */
const HOSTILE: readonly (readonly [string, string, RegExp | null])[] = [
  ['64 KB of conditions', `SELECT v FROM m WHERE ${'v = 1 OR '.repeat(7_000)}v = 2`, /query has more than/],
  ['ten thousand parentheses', `SELECT ${'('.repeat(10_000)}v${')'.repeat(10_000)} FROM m`, /nest|deep/],
  ['ten thousand open parentheses', `SELECT v FROM m WHERE ${'('.repeat(10_000)}`, /nest|deep|expected|found/],
  ['a regex that would take for ever', 'SELECT count(v) FROM m WHERE s =~ /^(a+)+$/ AND s !~ /(x+x+)+y/', null],
  ['a regex of a million states', 'SELECT v FROM m WHERE s =~ /(x{1000}){1000}/', /regexp/],
  [
    'billions of buckets',
    `SELECT mean(v) FROM m WHERE ${YEAR} GROUP BY time(1ns)`,
    /max-select-buckets limit exceeded/,
  ],
  [
    'billions of buckets inside',
    `SELECT max(x) FROM (SELECT mean(v) AS x FROM m WHERE ${YEAR} GROUP BY time(1u))`,
    null,
  ],
  ['a group for every row', 'SELECT max(v) FROM m GROUP BY time(1ns), * fill(none) LIMIT 1', null],
  ['every function of everything', `SELECT ${'mean(v), '.repeat(1_000)}max(v) FROM m GROUP BY host`, null],
];

describe('hostile queries', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--shards', '2', '--workers', '2']);
    for (let from = 0; from < ROWS; from += 10_000) {
      const lines = Array.from({ length: 10_000 }, (_, i) => {
        const at = from + i;
        return `m,host=h${at % 50} v=${at % 13},s="${'a'.repeat(at % 40)}!" ${1_704_067_200_000 + at * 1000}`;
      });
      expect((await write(server, 'd', lines.join('\n'), { precision: 'ms' })).status).to.equal(204);
    }
  });

  after(() => server.stop());

  for (const [what, query, refused] of HOSTILE) {
    it(`${what}: ${refused === null ? 'answered' : 'refused'}, and others are served`, async () => {
      let isOver = false;
      const hostile = answer(server, query).finally(() => {
        isOver = true;
      });
      let served = 0;
      do {
        const [{ values }] = await series(server, 'd', "SELECT count(v) FROM m WHERE host = 'h1'");
        expect(values[0][1]).to.equal(ROWS / 50);
        served++;
      } while (!isOver && served < 20);
      const error = await hostile;
      if (refused === null) expect(error).to.equal(null);
      else expect(error).to.match(refused);
    });
  }

  it('all at once, and then an ordinary one', async () => {
    await Promise.all(HOSTILE.map(([, query]) => answer(server, query)));
    expect(await results(server, 'd', 'SELECT count(v) FROM m WHERE v = 1')).to.have.length(1);
    expect(server.process.exitCode).to.equal(null);
  });
});

// private functions

/** The error, null = none. A text that long goes as a form. */
async function answer({ http }: TestServer, q: string): Promise<string | null> {
  const response = await fetch(`${http}/query?db=d`, { method: 'POST', body: new URLSearchParams({ q }) });
  const body = (await response.json()) as { error?: string; results?: { error?: string }[] };
  return body.error ?? body.results?.find(({ error }) => error !== undefined)?.error ?? null;
}
