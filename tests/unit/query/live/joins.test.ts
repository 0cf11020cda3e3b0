/**
 * Live joins: those ON WINDOW that are one pass for both sides are kept as cells; of the others the home holds the rows, so far back as
 * they matter.
 */
import { expect } from 'chai';
import { livePlan, parse, planSelect, QueryError, type SelectStatement } from '../../../../query/index.ts';
import { LiveText, NOW_NS } from '../../../support/live-texts.ts';
import type { Row } from '../support/array-source.ts';

const SECOND = 1_000_000_000n;
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

  it('holds rows of the others, as far back as they may matter', () => {
    const back = (text: string) => live(text).leaves!.map(({ lookBack, lasts }) => [lookBack, lasts]);
    expect(back('SELECT a.v, b.v FROM a JOIN b WITHIN 5s ON host')).to.deep.equal([
      [5n * SECOND, 0n],
      [10n * SECOND, 5n * SECOND],
    ]);
    expect(back('SELECT a.v, b.v FROM a ASOF JOIN b TOLERANCE 5s ON host')).to.deep.equal([
      [0n, 0n],
      [5n * SECOND, 5n * SECOND],
    ]);
    expect(back('SELECT count(a.v) FROM a JOIN b WITHIN 5s GROUP BY time(1m)')).to.deep.equal([
      [65n * SECOND, 0n],
      [70n * SECOND, 5n * SECOND],
    ]);
    const { leaves } = live('SELECT a.v, b.v FROM a ASOF JOIN b ON host');
    expect(leaves!.map(({ lookBack, latest }) => [lookBack, latest])).to.deep.equal([
      [0n, undefined],
      [null, { back: 0n, asked: 1 }],
    ]);
    for (const text of [
      // a row would not be known by its series and window
      `SELECT a.sum / b.mean FROM ${A} JOIN ${B} ON WINDOW, host`,
      `SELECT a.sum / b.mean FROM ${A} JOIN ${B} ON WINDOW, host WHERE a.sum > 1 GROUP BY host`,
      `SELECT a.sum FROM ${A} JOIN ${B} ON WINDOW, host FILL(previous) GROUP BY host`,
      `SELECT max(a.sum) FROM ${A} JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.top FROM (SELECT top(v, 2) FROM a GROUP BY time(10s), host) AS a JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.d FROM (SELECT difference(sum(v)) AS d FROM a GROUP BY time(10s), host) AS a JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.sum FROM (SELECT sum(v) FROM a WHERE time > 5 GROUP BY time(10s), host) AS a JOIN ${B} ON WINDOW, host GROUP BY host`,
      `SELECT a.sum FROM ${A} JOIN ${B} ON WINDOW, host JOIN (SELECT sum(n) AS o FROM a GROUP BY time(10s), host) AS c ON WINDOW, host GROUP BY host`,
    ]) {
      expect(live(text).leaves, text).to.have.length.at.least(2);
    }
  });

  it('refuses what has no meaning inside a side, too', () => {
    for (const [text, what] of [
      ['SELECT a.v, b.v FROM (SELECT v FROM a OFFSET 5) AS a JOIN b WITHIN 5s', 'OFFSET without LIMIT has no meaning'],
      ['SELECT a.v FROM a ASOF JOIN (SELECT sample(v, 2) AS v FROM b) AS b', 'sample() is not kept up to date'],
      [
        `SELECT a.sum FROM (SELECT sum(v) FROM a GROUP BY time(10s), host fill(0)) AS a JOIN ${B} ON WINDOW, host`,
        'fill(0) is not kept up to date here',
      ],
    ]) {
      expect(() => live(text), text).to.throw(QueryError, `live query: ${what}`);
    }
  });

  it('ends a query whose rows all belong together', () => {
    const rows = (measurement: string): Row[] =>
      Array.from({ length: 1_001 }, (_, i) => ({
        measurement,
        tags: [['host', `h${i}`]],
        time: NOW_NS + BigInt(i),
        fields: { v: { type: 'float', value: i } },
      }));
    const schema = { fields: { v: 'float' as const }, tagKeys: ['host'] };
    const sim = new LiveText('SELECT a.v, b.v FROM a JOIN b WITHIN 5s', { a: schema, b: schema }, 1);
    expect(() => {
      sim.write(...rows('a'), ...rows('b'));
      sim.pass(1000);
    }).to.throw(QueryError, 'more than 1000000 joined rows may still change; state a shorter WITHIN');
  });

  it('joins what comes with rows that were there before, wherever the stream stands', () => {
    const schema = { fields: { v: 'float' as const }, tagKeys: [] };
    const point = (measurement: string, s: number): Row => {
      return { measurement, tags: [], time: NOW_NS + BigInt(s) * SECOND, fields: { v: { type: 'float', value: s } } };
    };
    for (const kind of ['JOIN b WITHIN 5s', 'ASOF JOIN b TOLERANCE 5s', 'ASOF JOIN b']) {
      for (const [was, comes] of ['ab', 'ba']) {
        const old = point(was, was === 'a' ? -300 : -301);
        const sim = new LiveText(`SELECT a.v, b.v FROM a ${kind}`, { a: schema, b: schema }, 1, [old]);
        sim.write(point(comes, comes === 'a' ? -300 : -301));
        sim.pass(3000);
        expect([...sim.rows()], `${kind}: ${comes}`).to.deep.equal([['a{} -300', ['-300 -301']]]);
      }
    }
  });

  it('goes on with the slower side, and without one that is silent', () => {
    const schema = { fields: { v: 'float' as const }, tagKeys: [] };
    const sim = new LiveText('SELECT a.v, b.v FROM a JOIN b WITHIN 5s', { a: schema, b: schema }, 2);
    const point = (measurement: string, s: number): Row => {
      return { measurement, tags: [], time: NOW_NS + BigInt(s) * SECOND, fields: { v: { type: 'float', value: s } } };
    };
    sim.write(point('a', -100), point('b', -100), point('a', -50));
    sim.pass(2000);
    expect(sim.home.watermark).to.equal(NOW_NS - 100n * SECOND);
    expect(sim.finals()).to.deep.equal([]);
    sim.write(point('b', -95));
    sim.pass(2000);
    expect(sim.home.watermark).to.equal(NOW_NS - 95n * SECOND);
    // another row of b may come that is 5 s behind
    expect(sim.finals()).to.deep.equal([]);
    expect([...sim.rows().values()]).to.deep.equal([['-100 -100', '-100 -95']]);
    sim.pass(10_000);
    expect(Number(sim.home.watermark! - NOW_NS) / 1e9).to.be.closeTo(-48, 3);
    expect(sim.finals()).to.deep.equal(['a{} -100']);
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
