/** Live queries are looked at when they have something to do, and the timer is set for nothing else. */
import { expect } from 'chai';
import { Looks } from '../../../../server/queries/looks.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const SEED = seedOfRun();
const BEGAN = 1_700_000_000_000;
/** Of the hundredth or tenth that a time is kept to. */
const MUST_LATE_MS = 10;
const MAY_LATE_MS = 200;

interface Query {
  mustAtMs: number;
  mayAtMs: number;
  looks: number;
}

describe(`when live queries are looked at (SEED=${SEED})`, () => {
  let nowMs: number;
  let timer: { readonly atMs: number; readonly act: () => void } | null;
  let timers: number;
  let turns: number;
  let hasTime: boolean;
  let queries: Query[];
  let looked: (query: Query, anyway: boolean) => void;
  let looks: Looks<Query>;

  beforeEach(() => {
    [nowMs, timer, timers, turns, hasTime, queries] = [BEGAN, null, 0, 0, true, []];
    looked = () => undefined;
    looks = new Looks<Query>({
      nowMs: () => nowMs,
      after: (ms, act) => {
        expect(timer).to.equal(null);
        const set = { atMs: nowMs + ms, act };
        timer = set;
        timers++;
        return () => {
          if (timer === set) timer = null;
        };
      },
      hasTime: () => hasTime,
      due: (act) => {
        turns++;
        act();
      },
      look: (query, anyway) => {
        query.looks++;
        looked(query, anyway);
        looks.plan(query, query.mustAtMs, query.mayAtMs);
      },
      all: () => queries,
    });
  });

  function query(mustAtMs: number, mayAtMs = Number.POSITIVE_INFINITY): Query {
    const made = { mustAtMs, mayAtMs, looks: 0 };
    queries.push(made);
    looks.plan(made, mustAtMs, mayAtMs);
    return made;
  }

  /** Lets timers run. */
  function until(endMs: number): void {
    while (timer !== null && timer.atMs <= endMs) {
      const { atMs, act } = timer;
      nowMs = Math.max(nowMs, atMs);
      timer = null;
      act();
    }
    nowMs = endMs;
  }

  it('looks at nobody while nothing is due, and wakes once a second', () => {
    const idle = Array.from({ length: 4_000 }, (_, i) => query(BEGAN + 60_000 + i));
    expect(timers).to.equal(1);
    until(BEGAN + 59_000);
    expect(idle.every((one) => one.looks === 0)).to.equal(true);
    expect(turns).to.equal(0);
    expect(timers).to.be.at.most(61);
  });

  it('sets no timer where nobody has anything to do, or everybody has gone', () => {
    query(Number.POSITIVE_INFINITY);
    expect(timer).to.equal(null);
    const one = query(BEGAN + 500);
    looks.remove(one);
    until(BEGAN + 5_000);
    expect(timers).to.equal(1);
    expect(timer).to.equal(null);
  });

  it('looks at each as soon as its hundredth is over, and not before it has begun', () => {
    const random = new Random(SEED);
    looked = (one) => {
      const lateMs = nowMs - one.mustAtMs;
      expect(lateMs).to.be.within(-MUST_LATE_MS, MUST_LATE_MS);
      if (lateMs >= 0) one.mustAtMs = nowMs + random.between(1, 3_000);
    };
    for (let i = 0; i < 50; i++) query(BEGAN + random.between(1, 3_000));
    until(BEGAN + 20_000);
    for (const { looks: times } of queries) expect(times).to.be.greaterThan(5);
    // each set for something, or for the end of a second
    expect(timers).to.be.below(2 * queries.reduce((sum, one) => sum + one.looks, 0) + 20);
  });

  it('hears of what is due sooner than what it waits for', () => {
    query(BEGAN + 900);
    const soon = query(BEGAN + 100);
    until(BEGAN + 110);
    expect(soon.looks).to.equal(1);
    soon.mustAtMs = BEGAN + 200;
    looks.plan(soon, soon.mustAtMs, Number.POSITIVE_INFINITY);
    until(BEGAN + 210);
    expect(soon.looks).to.be.greaterThan(1);
  });

  it('does not go round where something stays due', () => {
    query(0);
    until(BEGAN + 10_000);
    expect(queries[0].looks).to.be.within(80, 105);
    expect(timers).to.be.below(130);
  });

  it('leaves what can wait until there is time', () => {
    looked = (one) => {
      if (nowMs >= one.mayAtMs) one.mayAtMs = nowMs + 1_000;
    };
    const patient = query(Number.POSITIVE_INFINITY, BEGAN + 500);
    hasTime = false;
    until(BEGAN + 3_000);
    expect(patient.looks).to.equal(0);
    hasTime = true;
    until(BEGAN + 3_000 + MAY_LATE_MS);
    expect(patient.looks).to.equal(1);
    until(BEGAN + 13_000 + MAY_LATE_MS);
    expect(patient.looks).to.be.within(8, 11);
  });

  it('looks at all of them when the clock was set back', () => {
    const told: boolean[] = [];
    looked = (_, anyway) => void told.push(anyway);
    for (let i = 0; i < 3; i++) query(BEGAN + 100_000 + i);
    until(BEGAN + 2_000);
    expect(told).to.deep.equal([]);
    const before = timer!;
    nowMs -= 3_600_000;
    for (const one of queries) one.mustAtMs -= 3_600_000;
    timer = null;
    before.act();
    expect(told).to.deep.equal([true, true, true]);
  });
});
