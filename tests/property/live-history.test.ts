/**
 * Properties of live windows over random streams with disorder, overwrites and any number of shards: after the last revision the
 * rows are those of the same SELECT over history (I1); any order within DELAY + LATENESS gives the same (I2); the clock closes what
 * a later event would (I8); the number of shards changes nothing (I9).
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { AggregateName } from '../../query/planner/plan.ts';
import { AT, type Point, planOf, SECOND, Simulation } from '../unit/query/live/simulation.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const RUNS = { seed: SEED, numRuns: 250 };
const HOSTS = ['a', 'b', 'c', 'd', 'e'];
/** The stream begins so long before the clock, s: more than the longest script, so that no point of it is too far ahead. */
const BEGIN = -1600;
/** Points come at most so late: with 20 s to spare for the clock's part, below LATENESS. */
const BEHIND_MAX = 40_000;

interface Step {
  /** How far the stream goes on before this step, ms. */
  readonly progress: number;
  readonly points: readonly {
    readonly host: string;
    readonly behind: number;
    readonly v?: number;
    readonly w?: number;
  }[];
  readonly passMs: number;
}

const field = fc.option(
  fc.oneof(fc.integer({ min: -50, max: 50 }), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })),
  { nil: undefined, freq: 6 },
);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    progress: fc.oneof(fc.integer({ min: 1, max: 6000 }), fc.integer({ min: 1, max: 60_000 })),
    points: fc.array(
      fc.record({
        host: fc.constantFrom(...HOSTS),
        // Whole seconds now and then, so that the same time is written twice.
        behind: fc.oneof(
          { weight: 3, arbitrary: fc.constant(0) },
          fc.integer({ min: 0, max: BEHIND_MAX }),
          fc.integer({ min: 0, max: BEHIND_MAX / 1000 }).map((s) => s * 1000),
        ),
        v: field,
        w: field,
      }),
      { minLength: 1, maxLength: 6 },
    ),
    passMs: fc.constantFrom(0, 0, 30, 500, 1000, 2500),
  }),
  { minLength: 1, maxLength: 25 },
);

const SETS: readonly (readonly (readonly [AggregateName, string])[])[] = [
  [['sum', 'v']],
  [['count', 'v']],
  [['mean', 'w']],
  [['first', 'v']],
  [['last', 'v']],
  [
    ['min', 'v'],
    ['max', 'v'],
    ['spread', 'v'],
  ],
  [['median', 'v']],
  [['percentile', 'v']],
  [['stddev', 'v']],
  [['distinct', 'v']],
];
const aggregates = fc.constantFrom(...SETS);
const interval = fc.constantFrom(1n, 7n, 10n, 60n).map((s) => s * SECOND);
/** As planOf takes them; sizes that are no multiples of one another too. */
const windows = fc.oneof(
  interval.map((width) => ({ interval: width })),
  fc
    .record({ size: fc.integer({ min: 1, max: 60 }), every: fc.integer({ min: 4, max: 60 }) })
    .map(({ size, every }) => {
      return {
        beyond: { of: 'hop', size: BigInt(size) * SECOND, every: BigInt(every) * SECOND, offset: null } as const,
      };
    }),
  fc.record({ step: fc.integer({ min: 1, max: 12 }), steps: fc.integer({ min: 1, max: 5 }) }).map(({ step, steps }) => {
    const size = BigInt(step * steps) * SECOND;
    return { beyond: { of: 'cumulate', size, step: BigInt(step) * SECOND, offset: null } as const };
  }),
  fc.constant({ beyond: { of: 'windows', intervals: [10n * SECOND, 60n * SECOND, 7n * SECOND] } as const }),
);
const byHost = fc.boolean();
const shardCount = fc.integer({ min: 1, max: 4 });

/** The points of each step; `distinct` moves them so that no series has a time twice. */
function pointsOf(script: readonly Step[], distinct = false): { points: Point[]; passMs: number }[] {
  let greatest = BEGIN * 1000;
  const taken = new Set<string>();
  return script.map((step) => {
    greatest += step.progress;
    const points = step.points.map(({ host, behind, v, w }, i) => {
      let time = AT + BigInt(greatest - (i === 0 ? 0 : behind)) * 1_000_000n;
      while (distinct && taken.has(`${host}${time}`)) time += 1n;
      taken.add(`${host}${time}`);
      return { host, time, v, w };
    });
    return { points, passMs: step.passMs };
  });
}

function play(sim: Simulation, script: readonly { points: readonly Point[]; passMs: number }[]): Simulation {
  for (const { points, passMs } of script) {
    sim.write(...points);
    if (passMs > 0) sim.pass(passMs);
  }
  return sim;
}

/** Long enough for the clock to close the widest window, and for a last recompute. */
function closeByClock(sim: Simulation): Simulation {
  sim.pass(80_000);
  return sim;
}

function sorted(rows: ReadonlyMap<string, unknown[]>): [string, unknown[]][] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe(`live = history (SEED=${SEED})`, () => {
  it('I1: after the last revision live rows are those of history', () => {
    fc.assert(
      fc.property(steps, aggregates, windows, byHost, shardCount, (script, set, width, grouped, shards) => {
        const live = planOf({ aggregates: set, ...width, byHost: grouped, fill: { kind: 'none' } });
        const sim = closeByClock(play(new Simulation(live, shards), pointsOf(script)));
        expect(sorted(sim.finals())).to.deep.equal(sorted(sim.history()));
        expect(sim.merge.counters.tooLate).to.equal(0);
      }),
      RUNS,
    );
  });

  it('I1, I9: a query that begins behind the clock tells no window from the part of one shard', () => {
    fc.assert(
      fc.property(
        steps,
        steps,
        aggregates,
        windows,
        byHost,
        shardCount,
        (past, script, set, width, grouped, shards) => {
          const live = planOf({ aggregates: set, ...width, byHost: grouped, fill: { kind: 'none' } });
          const written = pointsOf([...past, ...script]);
          const before = written.slice(0, past.length).flatMap(({ points }) => points);
          const sim = closeByClock(play(new Simulation(live, shards, before), written.slice(past.length)));
          const history = sim.history();
          const finals = sim.finals();
          for (const [key, values] of finals) expect(values, key).to.deep.equal(history.get(key));
          expect([...sim.seen.keys()].filter((key) => !finals.has(key))).to.deep.equal([]);
          expect(sim.merge.counters.tooLate).to.equal(0);
        },
      ),
      RUNS,
    );
  });

  it('a row between windows that do not meet is late for none of them', () => {
    const beyond = { of: 'hop', size: SECOND, every: 29n * SECOND, offset: null } as const;
    const live = planOf({ aggregates: [['sum', 'v']], beyond, byHost: false, fill: { kind: 'none' } });
    for (const behind of [33n, 55n]) {
      const sim = new Simulation(live, 1);
      sim.write({ host: 'a', time: AT - 100n * SECOND, v: 1 });
      sim.pass(4000);
      sim.write({ host: 'a', time: AT - 100n * SECOND - behind * SECOND, v: 1 });
      closeByClock(sim);
      expect(sim.merge.counters.tooLate, `${behind}`).to.equal(0);
    }
  });

  it('I1: filled rows are those of history too', () => {
    const fill = fc.constantFrom(
      { kind: 'null' } as const,
      { kind: 'value', value: 7 } as const,
      { kind: 'previous' } as const,
      { kind: 'linear' } as const,
    );
    fc.assert(
      fc.property(steps, interval, byHost, shardCount, fill, (script, width, grouped, shards, kind) => {
        const min = AT + BigInt(BEGIN) * SECOND;
        const live = planOf({ aggregates: [['mean', 'v']], interval: width, byHost: grouped, fill: kind, min });
        const sim = closeByClock(play(new Simulation(live, shards), pointsOf(script)));
        const max = AT + 2000n * SECOND;
        const bounds = { ...live.plan.bounds, max, maxStated: true };
        const history = sim.history({ ...live.plan, bounds });
        const data = sim.history({ ...live.plan, fill: { kind: 'none' } });
        const finals = sim.finals();
        for (const key of data.keys()) expect(finals.has(key), key).to.equal(true);
        for (const [key, values] of finals) {
          if (kind.kind !== 'linear' || data.has(key) || nextIsNear(data, key, Number(width / SECOND))) {
            expect(values, key).to.deep.equal(history.get(key));
          }
        }
      }),
      RUNS,
    );
  });

  it('I1: filled rows of windows that overlap are those of history', () => {
    const fill = fc.constantFrom({ kind: 'value', value: 7 } as const, { kind: 'previous' } as const);
    const overlapping = windows.filter((one) => 'beyond' in one && one.beyond.of !== 'cumulate');
    fc.assert(
      fc.property(steps, overlapping, byHost, shardCount, fill, (script, width, grouped, shards, kind) => {
        const min = AT + BigInt(BEGIN) * SECOND;
        const live = planOf({ aggregates: [['mean', 'v']], ...width, byHost: grouped, fill: kind, min });
        const sim = closeByClock(play(new Simulation(live, shards), pointsOf(script)));
        const bounds = { ...live.plan.bounds, max: AT + 2000n * SECOND, maxStated: true };
        const history = sim.history({ ...live.plan, bounds });
        const finals = sim.finals();
        const data = sim.history({ ...live.plan, fill: { kind: 'none' } });
        for (const key of data.keys()) expect(finals.has(key), key).to.equal(true);
        for (const [key, values] of finals) expect(values, key).to.deep.equal(history.get(key));
      }),
      RUNS,
    );
  });

  it('I2: any order within lateness gives the same final rows', () => {
    fc.assert(
      fc.property(
        steps,
        aggregates,
        windows,
        shardCount,
        fc.infiniteStream(fc.nat()),
        (script, set, width, n, random) => {
          const live = planOf({ aggregates: set, ...width, fill: { kind: 'none' } });
          const played = pointsOf(script, true);
          const inOrder = played.flatMap(({ points }) => points).sort((a, b) => (a.time < b.time ? -1 : 1));
          const some = closeByClock(play(new Simulation(live, n), played));
          const other = closeByClock(play(new Simulation(live, n), shuffledNearby(inOrder, random)));
          expect(sorted(other.finals())).to.deep.equal(sorted(some.finals()));
        },
      ),
      RUNS,
    );
  });

  it('I8: the clock closes what a later event would', () => {
    fc.assert(
      fc.property(steps, aggregates, windows, shardCount, (script, set, width, shards) => {
        const live = planOf({ aggregates: set, ...width, fill: { kind: 'none' } });
        const played = pointsOf(script);
        const byClock = closeByClock(play(new Simulation(live, shards), played));
        const byEvent = play(new Simulation(live, shards), played);
        byEvent.pass(6000);
        const last = greatestOf(played.flatMap(({ points }) => points));
        byEvent.write(...HOSTS.map((host) => ({ host, time: last + 60n * SECOND, v: 1, w: 1 })));
        byEvent.pass(6000);
        for (const [key, values] of byClock.finals()) expect(byEvent.finals().get(key), key).to.deep.equal(values);
      }),
      RUNS,
    );
  });

  it('I9: the number of shards changes no final row', () => {
    fc.assert(
      fc.property(steps, aggregates, windows, byHost, (script, set, width, grouped) => {
        const live = planOf({ aggregates: set, ...width, byHost: grouped, fill: { kind: 'none' } });
        const played = pointsOf(script);
        const one = closeByClock(play(new Simulation(live, 1), played));
        for (const shards of [2, 5]) {
          const more = closeByClock(play(new Simulation(live, shards), played));
          expect(sorted(more.finals())).to.deep.equal(sorted(one.finals()));
        }
      }),
      RUNS,
    );
  });

  it('I3, I4: connections joined by cursors, over restarts too, end as one does, and no final row has two values', () => {
    fc.assert(
      fc.property(
        steps,
        aggregates,
        windows,
        byHost,
        shardCount,
        fc.infiniteStream(fc.nat(5)),
        (script, set, width, grouped, n, random) => {
          const live = planOf({ aggregates: set, ...width, byHost: grouped, fill: { kind: 'none' } });
          const sim = new Simulation(live, n);
          for (const step of pointsOf(script)) {
            const what = random.next().value as number;
            if (what < 3) play(sim, [step]);
            else sim.reconnect(what === 3, () => play(sim, [step]));
          }
          closeByClock(sim);
          expect(sorted(sim.finals())).to.deep.equal(sorted(sim.history()));
        },
      ),
      RUNS,
    );
  });

  it('a tail sends every point once, and running totals end as history has them', () => {
    fc.assert(
      fc.property(steps, aggregates, byHost, shardCount, (script, set, grouped, shards) => {
        const played = pointsOf(script, true);
        const tail = play(new Simulation(planOf({ byHost: true }), shards), played);
        tail.pass(1000);
        expect(sorted(tail.finals())).to.deep.equal(sorted(tail.history()));
        const total = play(
          new Simulation(planOf({ aggregates: set, interval: null, byHost: grouped }), shards),
          played,
        );
        total.pass(12_000);
        const held = new Map([...total.seen].map(([key, { values }]) => [key, values]));
        expect(sorted(held)).to.deep.equal(sorted(total.history()));
      }),
      RUNS,
    );
  });
});

// private functions

function greatestOf(points: readonly Point[]): bigint {
  let greatest = points[0].time;
  for (const { time } of points) if (time > greatest) greatest = time;
  return greatest;
}

/** The points in small batches, each at most 40 s away from its place in time. */
function shuffledNearby(points: readonly Point[], random: Iterator<number>): { points: Point[]; passMs: number }[] {
  const jittered = points.map((point) => ({
    point,
    at: point.time + BigInt((random.next().value as number) % BEHIND_MAX) * 1_000_000n,
  }));
  jittered.sort((a, b) => (a.at < b.at ? -1 : 1));
  const batches: { points: Point[]; passMs: number }[] = [];
  for (let i = 0; i < jittered.length; ) {
    const size = 1 + ((random.next().value as number) % 5);
    batches.push({ points: jittered.slice(i, i + size).map(({ point }) => point), passMs: (i % 3) * 700 });
    i += size;
  }
  return batches;
}

/** Whether the gap that a filled row lies in is one that a live series bridges: its next point is at most ten windows away. */
function nextIsNear(data: ReadonlyMap<string, unknown[]>, key: string, width: number): boolean {
  const [host, at] = key.split('@');
  for (let n = 1; n <= 10; n++) if (data.has(`${host}@${Number(at) + n * width}`)) return true;
  for (const other of data.keys()) {
    const [name, time] = other.split('@');
    if (name === host && Number(time) > Number(at)) return false;
  }
  return true;
}
