/** Clients that come late, come back, or outlive the operator; tails; and which statements may be live at all. */
import { expect } from 'chai';
import type { SelectStatement } from '../../../../query/language/ast.ts';
import { parse, QueryError } from '../../../../query/language/index.ts';
import { planSelect } from '../../../../query/planner/index.ts';
import { assertLive, type LivePlan, livePlan, samePlan } from '../../../../query/runtime/live/live-plan.ts';
import type { Emission } from '../../../../query/runtime/live/live-update.ts';
import { AT, MemoryShard, type Point, planOf, rowsOf, SECOND, Simulation, seconds } from './simulation.ts';

const SUM = { aggregates: [['sum', 'v']] } as const;

function at(s: number, v: number, host = 'a'): Point {
  return { host, time: AT + seconds(s), v };
}

function told(emissions: readonly Emission[]): unknown[] {
  return emissions.map(({ final, rev, phase, tables }) => [phase, final, rev, Object.fromEntries(rowsOf(tables))]);
}

function select(text: string): SelectStatement {
  return parse(text)[0] as SelectStatement;
}

function planned(text: string): LivePlan {
  const schemas = (_: string, __: string, wanted: (name: string) => boolean) =>
    new MemoryShard().describe().filter(({ name }) => wanted(name));
  const context = { database: 'd', defaultRetentionPolicy: 'autogen', now: AT, schemas };
  return livePlan(select(text), planSelect(select(text), context));
}

describe('query/runtime/live clients', () => {
  it('a windowed query without a lower bound begins with its open windows, warm', () => {
    const sim = new Simulation(planOf(SUM), 2, [at(-200, 1), at(-11, 2), at(-1, 4), at(-0.5, 8, 'b')]);
    expect(told(sim.emissions)).to.deep.equal([['snapshot', false, 0, { 'a@-10': [4], 'b@-10': [8] }]]);
    sim.write(at(-0.2, 16));
    sim.pass(1000);
    expect(sim.seen.get('a@-10')!.values).to.deep.equal([20]);
    sim.write(at(-12, 32));
    sim.pass(1000);
    expect(sim.seen.get('a@-20'), 'late, into a window that had closed').to.deep.equal({
      final: true,
      rev: 1,
      values: [34],
    });
  });

  it('with a lower bound it begins with history inside it', () => {
    const sim = new Simulation(planOf({ ...SUM, min: AT - 30n * SECOND }), 1, [at(-31, 1), at(-30, 2), at(-1, 4)]);
    expect(told(sim.emissions)).to.deep.equal([
      ['snapshot', true, 0, { 'a@-30': [2] }],
      ['snapshot', false, 0, { 'a@-10': [4] }],
    ]);
  });

  it('a client that comes later gets the same rows, given up ones too, and the others nothing new', () => {
    const sim = new Simulation(planOf({ ...SUM, min: AT - 300n * SECOND }), 2, [at(-300, 1), at(-1, 4, 'b')]);
    for (let s = 0; s < 100; s += 5) {
      sim.write(at(s, 1));
      sim.pass(5000);
    }
    for (const [s, operator] of sim.operators.entries())
      sim.merge.accept(s, structuredClone(operator.history(sim.now)));
    const { live, snapshot } = sim.merge.subscribe(sim.now);
    expect(told(live)).to.deep.equal([]);
    const rows = new Map(snapshot.flatMap(({ tables }) => [...rowsOf(tables)]));
    expect([...rows].sort()).to.deep.equal([...sim.history({ ...sim.live.plan, fill: { kind: 'none' } })].sort());
    sim.pass(3000);
    expect(sim.merge.counters.tooLate).to.equal(0);
  });

  it('a returning client gets what closed or changed since its cursor', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(1, 1));
    sim.write(at(11, 2));
    sim.pass(1000);
    sim.write(at(21, 4));
    sim.pass(1000);
    const cursor = sim.merge.watermark;
    const missed = [sim.shards[0].apply([at(2, 8)]), sim.shards[0].apply([at(31, 16)])];
    for (const input of missed) sim.operators[0].accept(input, sim.now);
    sim.pass(2000);
    sim.merge.accept(0, structuredClone(sim.operators[0].missed(sim.now, cursor, missed)));
    expect(told(sim.merge.resume(cursor, sim.now).missed)).to.deep.equal([
      ['live', true, 0, { 'a@20': [4] }],
      ['live', true, 1, { 'a@0': [9] }],
      ['live', false, 0, { 'a@30': [16] }],
    ]);
  });

  it('an operator that starts anew uses no revision that a returning client has seen', () => {
    const first = new Simulation(planOf(SUM));
    first.write(at(1, 1));
    first.write(at(11, 2));
    first.pass(1000);
    first.write(at(2, 4));
    first.pass(1000);
    expect(first.seen.get('a@0')).to.deep.equal({ final: true, rev: 1, values: [5] });
    const floor = { watermark: first.merge.watermark, rev: first.merge.rev };
    const second = new Simulation(planOf(SUM), 1, [at(1, 1), at(11, 2), at(2, 4), at(3, 8)]);
    second.merge.raise(floor);
    second.merge.accept(
      0,
      second.operators[0].missed(second.now, floor.watermark, [second.shards[0].apply([at(3, 8)])]),
    );
    const { missed } = second.merge.resume(floor.watermark, second.now);
    expect(told(missed)).to.deep.equal([
      ['live', true, 2, { 'a@0': [13] }],
      ['live', false, 0, { 'a@10': [2] }],
    ]);
    expect(second.merge.watermark).to.equal(floor.watermark);
    expect(second.merge.rev).to.equal(2);
  });

  it('a tail begins with nothing and sends every point as it was written', () => {
    const sim = new Simulation(planOf({}), 2, [at(-1, 1)]);
    expect(sim.emissions).to.deep.equal([]);
    sim.pass(1000);
    sim.write(at(1, 2), at(1, 3, 'b'));
    expect(sim.heard(), 'at once').to.deep.equal([[true, 0, { 'a@1': [2, null], 'b@1': [3, null] }]]);
    sim.pass(1000);
    sim.write({ host: 'a', time: AT + seconds(1), w: 5 });
    expect(sim.heard()).to.deep.equal([[true, 0, { 'a@1': [null, 5] }]]);
    const bounded = new Simulation(planOf({ min: AT - 5n * SECOND }), 2, [at(-1, 1), at(-9, 1), at(-2, 1, 'b')]);
    expect(told(bounded.emissions)).to.deep.equal([['snapshot', true, 0, { 'a@-1': [1, null], 'b@-2': [1, null] }]]);
  });

  it('refuses what has no live meaning, and says why', () => {
    for (const [text, clause] of [
      ['SELECT v FROM m ORDER BY time DESC', 'ORDER BY time DESC'],
      ['SELECT v FROM m OFFSET 10', 'OFFSET without LIMIT'],
    ]) {
      expect(() => assertLive(select(text)), text)
        .to.throw(QueryError, `live query: ${clause} has no meaning`)
        .with.property('code', 'invalid');
    }
    for (const [text, what] of [
      ['SELECT sample(v, 3) * 2 FROM m', 'sample()'],
      ['SELECT holt_winters(sum(v), 2, 0) FROM m GROUP BY time(10s)', 'holt_winters()'],
      ['SELECT v FROM (SELECT v FROM m), m', 'a subquery beside a measurement'],
      ['SELECT sum(a) FROM (SELECT sample(v, 3) AS a FROM m)', 'sample()'],
    ]) {
      expect(() => assertLive(select(text)), text).to.throw(QueryError, `live query: ${what} is not kept up to date`);
    }
    expect(() => assertLive(select('SELECT v INTO n FROM m'))).to.throw(QueryError, 'live query: INTO has no meaning');
    expect(() => assertLive(select('SELECT mean(v) FROM m GROUP BY time(10s), host fill(0)'))).not.to.throw();
    expect(() => livePlan(select('SELECT mean(v) FROM m'), planOf({ ...SUM, interval: 1000n }).plan)).to.throw('1ms');
    const hop = (every: bigint) => ({ of: 'hop', size: 3000n * SECOND, every, offset: null }) as const;
    const live = (every: bigint) => () =>
      livePlan(select('SELECT mean(v) FROM m'), planOf({ ...SUM, beyond: hop(every) }).plan);
    expect(live(SECOND)).to.throw(QueryError, 'at most 1000 windows may hold a point, these would be 3000');
    expect(live(3n * SECOND)).not.to.throw();
  });

  it('takes plans of texts; a row whose points no longer pass is sent again, empty', () => {
    const sim = new Simulation(planned('SELECT count(v), max(v) + 1 FROM m WHERE v > 5 GROUP BY time(10s), host'), 2);
    sim.write(at(1, 10), at(2, 3), at(3, 7, 'b'));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[false, 0, { 'a@0': [1, 11], 'b@0': [1, 8] }]]);
    sim.write(at(1, 2), at(10, 6), at(10, 6, 'b'));
    sim.pass(2000);
    expect(sim.seen.get('a@0')).to.deep.equal({ final: true, rev: 0, values: [0, null] });
    expect(sim.seen.get('b@0')).to.deep.equal({ final: true, rev: 0, values: [1, 8] });
    const tail = new Simulation(planned("SELECT v FROM m WHERE host =~ /^a/ AND time > '2023-11-14' AND time < now()"));
    tail.pass(1000);
    tail.write(at(1, 2), at(1, 3, 'b'));
    expect(told(tail.emissions)).to.deep.equal([['live', true, 0, { '@1': [2] }]]);
  });

  it('a bound that moves with the clock does not end a live query', () => {
    const { plan } = planOf({ ...SUM, max: AT });
    const moving = { ...plan, bounds: { ...plan.bounds, maxFromNow: true } };
    const statement = select('SELECT sum(v) FROM m GROUP BY time(10s), host fill(null)');
    const live = livePlan(statement, moving);
    expect(live.plan.bounds.max > AT).to.equal(true);
    expect(live.fills).to.equal(true);
    expect(livePlan({ ...statement, fill: null }, moving).fills).to.equal(false);
    expect(samePlan(live.plan, livePlan(statement, moving).plan)).to.equal(true);
    expect(samePlan(live.plan, plan)).to.equal(false);
  });
});
