/** The life of a window in a live query: open, closed by event or clock, revised, given up; fills; counters. */
import { expect } from 'chai';
import { timeGrid } from '../../../../query/planner/plan-windows.ts';
import { zoneShifts } from '../../../../query/planner/time-zone.ts';
import { encodeRowsMembers } from '../../../../server/queries/answers/index.ts';
import { AT, type Point, planOf, SECOND, Simulation, seconds } from './simulation.ts';

const SUM = { aggregates: [['sum', 'v']] } as const;

function at(s: number, v: number, host = 'a'): Point {
  return { host, time: AT + seconds(s), v };
}

/** Of the frames that a client gets since the last call, encoded. */
function bytesOf({ emissions }: Simulation): number {
  return emissions
    .splice(0)
    .reduce((sum, emission) => sum + encodeRowsMembers({ ...emission, cursor: '' }, 'ms').byteLength, 0);
}

describe('query/runtime/live windows', () => {
  it('sends changed rows of an open window once a second, and the final row at its end', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(1, 1));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[false, 0, { 'a@0': [1] }]]);
    sim.write(at(2, 2));
    sim.write(at(3, 4));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[false, 0, { 'a@0': [7] }]]);
    sim.pass(1000);
    expect(sim.heard(), 'nothing changed').to.deep.equal([]);
    sim.write(at(10, 8));
    expect(sim.heard()[0], 'the point at its end closes it and is not in it').to.deep.equal([true, 0, { 'a@0': [7] }]);
    expect(sim.merge.watermark).to.equal(AT + 10n * SECOND);
  });

  it('sends final rows and revisions only, where the statement says so', () => {
    const sim = new Simulation(planOf({ ...SUM, rules: { finalOnly: true } }));
    sim.write(at(1, 1));
    sim.pass(3000);
    expect(sim.heard()).to.deep.equal([]);
    expect(sim.merge.settled, 'a cursor goes on all the same').to.equal(true);
    sim.write(at(2, 2));
    sim.write(at(10, 8));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[true, 0, { 'a@0': [3] }]]);
    sim.write(at(3, 4));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[true, 1, { 'a@0': [7] }]]);
  });

  it('sends of a large table only the rows that changed', () => {
    const sim = new Simulation(planOf(SUM));
    const hosts = Array.from({ length: 200 }, (_, i) => `host${i}`);
    sim.write(...hosts.map((host, i) => at(1, i, host)));
    sim.pass(1000);
    const all = bytesOf(sim);
    const changed = hosts.filter((_, i) => i % 10 === 0);
    sim.write(...changed.map((host) => at(2, 1, host)), ...hosts.slice(1, 10).map((host) => at(2, 0, host)));
    sim.pass(1000);
    expect(sim.emissions.flatMap(({ tables }) => tables)).to.have.length(changed.length);
    const some = bytesOf(sim);
    expect(some).to.be.below(all * 0.12);
  });

  it('closes a quiet window by the clock, IDLE later', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(4, 1));
    sim.pass(1000);
    sim.heard();
    sim.pass(14_000);
    expect(sim.heard()).to.deep.equal([]);
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[true, 0, { 'a@0': [1] }]]);
  });

  it('keeps last year open at the pace of the clock', () => {
    const sim = new Simulation(planOf(SUM));
    const year = -365 * 24 * 3600;
    sim.write(at(year + 1, 1));
    sim.pass(5000);
    sim.write(at(year + 9, 2));
    sim.write(at(year + 10, 4));
    expect(sim.finals()).to.deep.equal(new Map([[`a@${year}`, [3]]]));
    expect(sim.merge.counters.tooLate).to.equal(0);
  });

  it('waits DELAY for points that come behind', () => {
    const sim = new Simulation(planOf({ ...SUM, rules: { delay: 2n * SECOND } }));
    sim.write(at(1, 1));
    sim.write(at(11, 1));
    sim.pass(1000);
    sim.write(at(9, 2));
    sim.write(at(12, 1));
    sim.pass(1000);
    expect(sim.finals()).to.deep.equal(new Map([['a@0', [3]]]));
    expect(sim.merge.counters).to.include({ onTime: 4, late: 0, revised: 0 });
  });

  it('a point too far ahead is aggregated and counted but closes nothing', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(1, 1));
    sim.write(at(61, 5, 'b'));
    sim.pass(1000);
    expect(sim.merge.counters.ahead).to.equal(1);
    expect(sim.seen.get('b@60')).to.deep.equal({ final: false, rev: 0, values: [5] });
    expect(sim.seen.get('a@0')!.final).to.equal(false);
    expect(sim.merge.watermark).to.equal(AT + 1n * SECOND);
    sim.write(at(60, 1, 'b'));
    sim.pass(1000);
    expect(sim.seen.get('a@0')!.final).to.equal(true);
  });

  it('a late point sends the row again with the next revision', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(1, 1), at(1, 10, 'b'));
    sim.write(at(11, 1));
    sim.pass(1000);
    sim.heard();
    sim.write(at(2, 2));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[true, 1, { 'a@0': [3] }]]);
    sim.write(at(3, 4), at(4, 8));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[true, 2, { 'a@0': [15] }]]);
    expect(sim.merge.counters).to.include({ late: 3, revised: 2, tooLate: 0 });
  });

  it('a late series that nobody has heard of begins at revision 0', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(11, 1));
    sim.pass(1000);
    sim.heard();
    sim.write(at(2, 2, 'b'));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([[true, 0, { 'b@0': [2] }]]);
  });

  it('drops and counts what comes after LATENESS', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(-99, 1));
    sim.write(at(-31, 1));
    sim.pass(3000);
    sim.write(at(-95, 2, 'b'));
    sim.pass(1000);
    expect(sim.seen.get('b@-100'), 'W < end + lateness').to.deep.equal({ final: true, rev: 0, values: [2] });
    sim.write(at(-30, 1));
    sim.pass(4000);
    sim.heard();
    sim.write(at(-95, 3, 'c'));
    sim.pass(1000);
    expect(sim.heard()).to.deep.equal([]);
    expect(sim.seen.has('c@-100')).to.equal(false);
    expect(sim.merge.counters.tooLate).to.equal(1);
  });

  it('the later value of a series and time wins, field by field', () => {
    const sim = new Simulation(
      planOf({
        aggregates: [
          ['sum', 'v'],
          ['sum', 'w'],
        ],
      }),
    );
    sim.write({ host: 'a', time: AT, v: 1, w: 1 });
    sim.write({ host: 'a', time: AT, v: 5 });
    sim.pass(1000);
    expect(sim.seen.get('a@0')!.values).to.deep.equal([5, 1]);
    sim.write(at(10, 1));
    sim.pass(1000);
    sim.write({ host: 'a', time: AT, w: 7 });
    sim.pass(1000);
    expect(sim.seen.get('a@0')).to.deep.equal({ final: true, rev: 1, values: [5, 7] });
    expect(sim.merge.counters).to.include({ disordered: 2, recomputed: 2 });
  });

  it('fill: the clock emits the windows of a live series, ten after its last point', () => {
    const sim = new Simulation(planOf({ ...SUM, fill: { kind: 'value', value: 0 } }));
    sim.write(at(1, 5));
    sim.pass(200_000);
    const expected = new Map<string, unknown[]>([['a@0', [5]]]);
    for (let n = 1; n <= 10; n++) expected.set(`a@${n * 10}`, [0]);
    expect(sim.finals()).to.deep.equal(expected);
    sim.write(at(201, 6));
    sim.pass(25_000);
    expect([...sim.finals().keys()])
      .to.include.members(['a@200'])
      .and.not.include('a@190');
  });

  it('without a fill clause nothing is said of empty windows', () => {
    const sim = new Simulation(planOf(SUM));
    sim.write(at(1, 5));
    sim.pass(100_000);
    expect(sim.finals()).to.deep.equal(new Map([['a@0', [5]]]));
  });

  it('fill(previous) and fill(linear) are revised with what they were filled from', () => {
    const previous = new Simulation(planOf({ ...SUM, fill: { kind: 'previous' } }));
    const linear = new Simulation(planOf({ ...SUM, fill: { kind: 'linear' } }));
    for (const sim of [previous, linear]) {
      sim.write(at(1, 2));
      sim.pass(30_000);
      sim.write(at(31, 8));
      sim.write(at(40, 9));
      sim.pass(1000);
    }
    expect(previous.finals().get('a@10')).to.deep.equal([2]);
    expect(linear.seen.get('a@10')).to.deep.equal({ final: true, rev: 1, values: [4] });
    for (const sim of [previous, linear]) {
      sim.write(at(2, 3));
      sim.pass(3000);
    }
    expect(previous.seen.get('a@20')).to.deep.equal({ final: true, rev: 1, values: [5] });
    expect(linear.seen.get('a@20')).to.deep.equal({ final: true, rev: 2, values: [7] });
    expect(linear.seen.get('a@30')).to.deep.equal({ final: true, rev: 0, values: [8] });
  });

  it('a window that overlaps closes at its own end, and a late point revises all that hold it', () => {
    const beyond = { of: 'hop', size: 20n * SECOND, every: 10n * SECOND, offset: null } as const;
    const sim = new Simulation(planOf({ aggregates: [['sum', 'v']], beyond, fill: { kind: 'none' } }));
    sim.write({ host: 'a', time: AT + seconds(-30), v: 1 });
    sim.write({ host: 'a', time: AT + seconds(-15), v: 2 });
    sim.write({ host: 'a', time: AT + seconds(-9), v: 4 });
    sim.pass(1000);
    expect(finalsIn(sim)).to.deep.equal(['a@-30--10 rev 0: 3', 'a@-40--20 rev 0: 1']);
    sim.write({ host: 'a', time: AT + seconds(-25), v: 8 });
    sim.pass(1000);
    expect(finalsIn(sim)).to.deep.equal(['a@-30--10 rev 1: 11', 'a@-40--20 rev 1: 9']);
  });

  it('cumulate says nothing of steps to come', () => {
    const beyond = { of: 'cumulate', size: 60n * SECOND, step: 20n * SECOND, offset: null } as const;
    const sim = new Simulation(planOf({ aggregates: [['sum', 'v']], beyond, fill: { kind: 'none' } }));
    sim.write({ host: 'a', time: AT + seconds(-60), v: 1 });
    sim.pass(1000);
    expect([...sim.seen.keys()]).to.deep.equal(['a@-60--40']);
    sim.write({ host: 'a', time: AT + seconds(-39), v: 2 });
    sim.pass(1000);
    expect([...sim.seen.keys()]).to.deep.equal(['a@-60--40', 'a@-60--20']);
    expect(sim.seen.get('a@-60--40')?.final).to.equal(true);
    sim.pass(80_000);
    expect([...sim.finals()].map(([key, [sum]]) => [key, sum])).to.deep.equal([
      ['a@-60--40', 1],
      ['a@-60--20', 3],
      ['a@-60-0', 3],
    ]);
  });

  it('a month of a zone closes when its clocks say so', () => {
    const live = planOf({ aggregates: [['sum', 'v']], fill: { kind: 'none' } });
    const month = { kind: 'time', interval: 0n, offset: null, months: 1 } as const;
    const [march, april] = ['2019-02-28T23:00:00Z', '2019-03-31T22:00:00Z'].map(
      (t) => BigInt(Date.parse(t)) * 1_000_000n,
    );
    const zone = zoneShifts('Europe/Berlin');
    const window = timeGrid(month, { bounds: { ...live.plan.bounds, min: march, max: april }, now: AT, zone });
    const sim = new Simulation({ ...live, plan: { ...live.plan, window } });
    sim.write({ host: 'a', time: march, v: 1 });
    sim.write({ host: 'a', time: april - 1n, v: 2 });
    sim.pass(1000);
    expect(finalsIn(sim)).to.deep.equal([]);
    sim.write({ host: 'a', time: april, v: 4 });
    sim.pass(1000);
    expect(finalsIn(sim)).to.deep.equal([`a@${Number(march - AT) / 1e9} rev 0: 3`]);
  });

  it('a running total is one endless window that is never final', () => {
    const sim = new Simulation(planOf({ ...SUM, interval: null }), 2, [at(-500, 1), at(-400, 1, 'b')]);
    expect([...sim.seen.values()].map(({ values, final }) => [values, final])).to.deep.equal([
      [[1], false],
      [[1], false],
    ]);
    sim.write(at(1, 2));
    sim.pass(100_000);
    sim.write(at(-500, 10));
    sim.pass(6000);
    expect([...sim.seen.values()].map(({ values, final }) => [values, final])).to.deep.equal([
      [[12], false],
      [[1], false],
    ]);
  });
});

// private functions

/** Final rows heard since the last call: where, which revision, first value. */
function finalsIn(sim: Simulation): string[] {
  return sim
    .heard()
    .filter(([final]) => final)
    .flatMap(([, rev, rows]) => Object.entries(rows).map(([key, [value]]) => `${key} rev ${rev}: ${value}`))
    .sort();
}
