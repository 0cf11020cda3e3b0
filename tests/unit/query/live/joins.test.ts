/** Which joins can be live: those ON WINDOW that are one pass for both sides. The others are refused, and the error says what would do. */
import { expect } from 'chai';
import { livePlan, parse, planSelect, QueryError, type SelectStatement } from '../../../../query/index.ts';

const FIELDS = new Map([['v', 'float'] as const, ['n', 'integer'] as const]);
const A = '(SELECT sum(v), max(n) FROM a GROUP BY time(10s), host) AS a';
const B = '(SELECT mean(v) FROM b GROUP BY time(10s), host) AS b';

describe('query/live: joins', () => {
  it('takes pairs of aggregates', () => {
    for (const text of [
      `SELECT a.sum / b.mean FROM ${A} JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.sum, a.max, b.mean FROM ${A} JOIN ${B} ON WINDOW, host FILL(0) WHERE host =~ /x/ AND time > now() - 1h GROUP BY host`,
      `SELECT a.sum FROM ${A} JOIN ${B} ON WINDOW, host FILL(null) GROUP BY host WATERMARK DELAY 5s`,
      'SELECT x.sum - y.sum FROM (SELECT sum(v) FROM a GROUP BY time(1m)) AS x JOIN (SELECT sum(v) FROM a WHERE v > 1 GROUP BY time(1m)) AS y ON WINDOW',
    ]) {
      const { plan } = live(text);
      expect(plan.kind, text).to.equal('aggregate');
      expect(new Set(plan.sources.map(({ side }) => side)), text).to.have.keys([0, 1]);
    }
  });

  it('waits for a side that does not exist yet, where rows need both', () => {
    const text = `SELECT a.sum FROM ${A} JOIN (SELECT mean(v) FROM later GROUP BY time(10s), host) AS l ON WINDOW, host GROUP BY host`;
    expect(live(text).plan.sources).to.deep.equal([]);
  });

  it('refuses the others', () => {
    for (const text of [
      'SELECT a.v, b.v FROM a JOIN b WITHIN 5s ON host',
      'SELECT a.v, b.v FROM a ASOF JOIN b ON host',
      // a row would not be known by its series and window
      `SELECT a.sum / b.mean FROM ${A} JOIN ${B} ON WINDOW, host`,
      `SELECT a.sum / b.mean FROM ${A} JOIN ${B} ON WINDOW, host WHERE a.sum > 1 GROUP BY host`,
      `SELECT a.sum FROM ${A} JOIN ${B} ON WINDOW, host FILL(previous) GROUP BY host`,
      `SELECT max(a.sum) FROM ${A} JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.top FROM (SELECT top(v, 2) FROM a GROUP BY time(10s), host) AS a JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.sum FROM (SELECT sum(v) FROM a GROUP BY time(10s), host fill(0)) AS a JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.d FROM (SELECT difference(sum(v)) AS d FROM a GROUP BY time(10s), host) AS a JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.sum FROM (SELECT sum(v) FROM a WHERE time > 5 GROUP BY time(10s), host) AS a JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.sum FROM ${A} JOIN ${B} ON WINDOW, host JOIN (SELECT sum(n) AS o FROM a GROUP BY time(10s), host) AS c ON WINDOW, host GROUP BY host`,
    ]) {
      expect(() => live(text), text).to.throw(QueryError, /^live query: .*ON WINDOW/);
    }
  });
});

// private functions

function live(text: string): ReturnType<typeof livePlan> {
  const statement = parse(text)[0] as SelectStatement;
  const plan = planSelect(statement, {
    database: 'db',
    defaultRetentionPolicy: 'autogen',
    now: 1_577_836_800_000_000_000n,
    schemas: (_database, _policy, wanted) =>
      ['a', 'b'].filter(wanted).map((name) => ({ name, fields: FIELDS, tagKeys: ['host'] })),
  });
  return livePlan(statement, plan);
}
