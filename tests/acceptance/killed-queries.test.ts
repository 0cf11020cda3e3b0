/**
 * KILL QUERY in the midst of what holds a query up longest: over all series, and over what it has to put in order. How soon it ends is
 * printed and not judged, as a clock says nothing on a busy machine; tests/unit/query/runtime/source/steps.test.ts counts what is done between
 * two looks. `SERIES=1000000 ROWS=3000000` for as many as are promised.
 */
import { expect } from 'chai';
import { chunks, eventually, results, type Series, series, write } from '../support/api.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const SERIES = Number(process.env['SERIES'] ?? 40_000);
const ROWS = Number(process.env['ROWS'] ?? 150_000);
const ROWS_PER_BODY = 10_000;
/** So often in one text, so that there is always something to be killed. */
const TIMES = 100;

const HEAVY: readonly (readonly [string, string])[] = [
  ['values of one cell', 'SELECT median(v), percentile(v, 90) FROM m'],
  ['rows of two subqueries in order', 'SELECT max(x) FROM (SELECT v AS x FROM (SELECT v FROM m), (SELECT v FROM m))'],
  ['rows of a join', 'SELECT count(a.v) FROM m AS a JOIN m AS b WITHIN 1ms ON host'],
  ['a window for every row', 'SELECT max(v) FROM m GROUP BY time(1ms), host fill(none) SLIMIT 1'],
  ['very many points', 'SELECT top(v, 100000), host FROM m'],
  ['raw rows of all series', 'SELECT * FROM s GROUP BY * LIMIT 1'],
  ['all series', 'SELECT last(v), mean(v) FROM s GROUP BY id SLIMIT 1'],
];

describe(`queries killed over ${ROWS} rows and ${SERIES} series`, function () {
  this.timeout(60_000 + (SERIES + ROWS) / 10);
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--shards', '2', '--workers', '2']);
    await writeLines(ROWS, (i) => `m,host=h${i % 20} v=${(i * 7_919) % 1_013} ${(i * 104_729) % ROWS}`);
    await writeLines(SERIES, (i) => `s,id=${i} v=${i} 1`);
  });

  after(() => server.stop());

  for (const [what, query] of HEAVY) {
    it(`ends over ${what}, and nothing behind it is executed`, async () => {
      const answer = chunks(server, 'd', Array<string>(TIMES).fill(query).join('; '));
      const [[id]] = await eventually(running, (rows) => rows.length === 1);
      const beganMs = performance.now();
      expect(await results(server, 'd', `KILL QUERY ${id}`)).to.deep.equal([{ statement_id: 0 }]);
      const ended = await answer;
      console.log(`      ended ${(performance.now() - beganMs).toFixed(0)} ms after it was killed`);
      const at = ended.findIndex(({ error }) => error !== undefined);
      expect(ended[at].error).to.equal('query interrupted');
      expect(ended.slice(at + 1).every(({ error }) => error === 'not executed')).to.equal(true);
      expect(await running()).to.deep.equal([]);
    });
  }

  async function running(): Promise<Series['values']> {
    const [{ values }] = await series(server, 'd', 'SHOW QUERIES');
    return values.filter(([, text]) => text !== 'SHOW QUERIES');
  }

  async function writeLines(count: number, line: (i: number) => string): Promise<void> {
    for (let from = 0; from < count; from += ROWS_PER_BODY) {
      const lines = Array.from({ length: Math.min(ROWS_PER_BODY, count - from) }, (_, i) => line(from + i));
      expect((await write(server, 'd', lines.join('\n'), { precision: 'ms' })).status).to.equal(204);
    }
  }
});
