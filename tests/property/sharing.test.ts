/**
 * I5: a live query's result does not depend on which other queries exist. Random streams with disorder, overwrites, several shards and
 * points far ahead go to an operator of its own and, at the same times, to a view of a stream that it shares with others, which come
 * and go meanwhile: equality variants, other windows, windows that overlap, other aggregates. Both clients must hold the same rows in the same revisions. A
 * third view has no time for open windows but every other second: its client must hold the same rows in the end.
 */
import { expect } from 'chai';
import type { AggregateName } from '../../query/planner/plan.ts';
import type { TimeWindow } from '../../query/planner/plan-windows.ts';
import type { LivePlan } from '../../query/runtime/live/live-plan.ts';
import type { LiveInput, LiveUpdate } from '../../query/runtime/live/live-update.ts';
import { LiveShard } from '../../query/runtime/live/shard/live-shard.ts';
import { LiveStages } from '../../query/runtime/live/shard/live-stages.ts';
import { LiveView } from '../../query/runtime/live/shard/live-view.ts';
import { Random, seedOfRun } from '../support/random.ts';
import {
  AT,
  type MemoryShard,
  type Operator,
  type Point,
  planOf,
  Simulation,
  seconds,
} from '../unit/query/live/simulation.ts';

const SEED = seedOfRun();
const RUNS = 150;
const STEPS_MAX = 25;
/** The stream begins so long before the clock, so that most points of it are not ahead. */
const BEGIN_SECONDS = -60;
const HOSTS = ['a', 'b', 'c', 'd', 'e'];
/** Of the query that is looked at: an operator of its own reads wider ones again after more than a tick. */
const SECONDS = [1, 2, 7, 10, 60];
const SECONDS_OF_OTHERS = [...SECONDS, 64, 600];
/** Size and every: even panes, panes of two widths, windows that are their panes, windows that leave out time. */
const HOPS = [
  [20, 10],
  [60, 10],
  [10, 2],
  [10, 4],
  [25, 10],
  [7, 7],
  [100, 60],
  [2, 7],
  [1, 40],
] as const;
const CUMULATED = [
  [60, 20],
  [10, 1],
] as const;
const KINDS = [
  [10, 60, 7],
  [5, 20],
];
const SETS: readonly (readonly (readonly [AggregateName, string])[])[] = [
  [['sum', 'v']],
  [['mean', 'w']],
  [['first', 'v']],
  [['last', 'v']],
  [
    ['min', 'v'],
    ['max', 'v'],
  ],
  [
    ['median', 'v'],
    ['sum', 'v'],
  ],
  [['stddev', 'v']],
  [['distinct', 'v']],
];

describe(`shared live queries (SEED=${SEED})`, () => {
  it('I5: say what they would say alone', () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(SEED + run);
      const live = randomPlan(random, SECONDS);
      const shards = random.between(1, 3);
      const history = points(random, BEGIN_SECONDS + 30, random.between(0, 20));
      const alone = new Simulation(live, shards, history, openAlone);
      const others = new Others(random);
      const shared = new Simulation(live, shards, history, (plan, shard) => others.open(plan, shard));
      const othersOfShort = new Others(new Random(SEED + RUNS + run), true);
      const short = new Simulation(live, shards, history, (plan, shard) => othersOfShort.open(plan, shard));
      const all = [alone, shared, short];
      let progress = BEGIN_SECONDS;
      for (let step = random.between(1, STEPS_MAX); step > 0; step--) {
        others.change();
        othersOfShort.change();
        progress += random.pick([0.3, 2, 15, 40]) * random.next();
        const written = points(random, progress, random.between(1, 6));
        const passMs = random.pick([1000, 1000, 2500, 9000]);
        for (const simulation of all) {
          simulation.write(...written);
          simulation.tell(() => true);
          simulation.pass(passMs);
        }
        if (random.between(1, 12) === 1) {
          const kill = random.between(0, 1) === 1;
          for (const simulation of all) simulation.reconnect(kill, () => undefined);
        }
        expect(held(shared), `run ${run}, before ${step} more steps`).to.deep.equal(held(alone));
      }
      for (const simulation of all) simulation.pass(80_000);
      expect(held(shared), `run ${run}, at the end`).to.deep.equal(held(alone));
      expect(judged(shared), `run ${run}`).to.deep.equal(judged(alone));
      expect(values(short), `run ${run}, short of time, at the end`).to.deep.equal(values(alone));
      expect(others.shared, 'it has shared a stream').to.equal(true);
    }
  });
});

// private functions

/** An operator of its own that speaks when it is asked to, so that both speak at the same times. */
function openAlone(live: LivePlan, shard: MemoryShard): Operator {
  const operator = new LiveShard(live, shard);
  return {
    start: (nowMs) => operator.start(nowMs),
    accept: (input, nowMs) => operator.accept(input, nowMs),
    due: () => false,
    collect: (nowMs) => operator.collect(nowMs),
    expire: (before) => operator.expire(before),
    history: (nowMs) => operator.history(nowMs),
    missed: (nowMs, watermark, inputs) => operator.missed(nowMs, watermark, inputs),
    windows: (panes) => operator.windows(panes),
  };
}

/** Queries beside the one that is looked at, on the same shards. */
class Others {
  readonly #random: Random;
  readonly #stages = new Map<MemoryShard, LiveStages>();
  #views: { readonly shard: MemoryShard; readonly view: LiveView }[] = [];
  #nowMs = Number(AT / 1_000_000n);
  #sequence = 0;
  shared = false;
  readonly #isShort: boolean;

  /** `isShort`: the query that is looked at tells only of windows that have ended, but for every other time. */
  constructor(random: Random, isShort = false) {
    this.#random = random;
    this.#isShort = isShort;
  }

  /** The query that is looked at, as the host of a shard has it: some others are there before. */
  open(live: LivePlan, shard: MemoryShard): Operator {
    let stages = this.#stages.get(shard);
    if (stages === undefined) this.#stages.set(shard, (stages = new LiveStages(shard)));
    for (let i = this.#random.between(0, 2); i > 0; i--) this.#join(shard);
    const view = stages.open(live);
    if (!(view instanceof LiveView)) throw new Error('a query that shares nothing');
    this.shared = true;
    const isShort = this.#isShort;
    let ended = false;
    return {
      start: (nowMs) => view.start((this.#nowMs = nowMs)),
      accept: (input: LiveInput, nowMs: number) => {
        stages.accept(input, (this.#nowMs = nowMs), ++this.#sequence, raise);
        for (const other of stages.ended(nowMs, 100, raise)) if (other !== view) other.collect(nowMs);
        for (const next of stages.turns(nowMs, 100, raise)) if (next !== view) next.collect(nowMs, true);
      },
      due: () => false,
      collect(nowMs): LiveUpdate | null {
        view.stream.seal(nowMs);
        ended = isShort && !ended;
        const update = view.collect(nowMs, false, ended);
        // it speaks every second: its home shall give windows up when that of the operator alone does
        return update && { ...update, waitedMs: undefined };
      },
      expire: (before) => view.expire(before),
      history: (nowMs) => view.history(nowMs),
      missed: (nowMs, watermark, inputs) => view.missed(nowMs, watermark, inputs),
      windows: (panes) => view.windows(panes),
    };
  }

  change(): void {
    const random = this.#random;
    if (random.between(1, 3) === 1) this.#join(random.pick([...this.#stages.keys()]));
    if (this.#views.length === 0 || random.between(1, 4) > 1) return;
    const [{ shard, view }] = this.#views.splice(random.between(0, this.#views.length - 1), 1);
    this.#stages.get(shard)!.close(view);
  }

  #join(shard: MemoryShard): void {
    const view = this.#stages.get(shard)!.open(randomPlan(this.#random, SECONDS_OF_OTHERS));
    if (!(view instanceof LiveView)) return;
    view.start(this.#nowMs);
    this.#views.push({ shard, view });
  }
}

/** `SELECT … FROM m [WHERE host = …] GROUP BY time(…)[, host]`: of few different streams. Every other has windows that overlap. */
function randomPlan(random: Random, widths: readonly number[]): LivePlan {
  const live = planOf({
    aggregates: random.pick(SETS),
    ...(random.between(0, 1) === 1 ? { interval: seconds(random.pick(widths)) } : { beyond: overlapping(random) }),
    byHost: random.between(0, 1) === 1,
    fill: { kind: 'none' },
  });
  if (random.between(0, 2) > 0) return live;
  const value = random.pick(HOSTS);
  const [source] = live.plan.sources;
  const condition = {
    kind: 'binary',
    operator: '=',
    left: { kind: 'tag', name: 'host' },
    right: { kind: 'literal', type: 'string', value },
    type: 'boolean',
  } as const;
  return { ...live, plan: { ...live.plan, sources: [{ ...source, condition }] } };
}

function overlapping(random: Random): TimeWindow {
  const kind = random.between(0, 3);
  if (kind === 0) {
    const [size, step] = random.pick(CUMULATED);
    return { of: 'cumulate', size: seconds(size), step: seconds(step), offset: null };
  }
  if (kind === 1) return { of: 'windows', intervals: random.pick(KINDS).map(seconds) };
  const [size, every] = random.pick(HOPS);
  return { of: 'hop', size: seconds(size), every: seconds(every), offset: null };
}

function points(random: Random, progress: number, count: number): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const behind = i === 0 ? 0 : random.pick([0, 0, 1, 3, random.next() * 40, -random.between(0, 1) * 200]);
    const time = AT + seconds(Math.round((progress - behind) * 10) / 10);
    const v = random.between(0, 6) === 0 ? undefined : random.between(-50, 50);
    const w = random.between(0, 6) === 0 ? undefined : random.next() * 1000;
    return { host: random.pick(HOSTS), time, v, w };
  });
}

/** What a client holds, and how far it was told that the stream has come. */
function held(simulation: Simulation): unknown {
  const rows = [...simulation.seen].map(([key, { final, rev, values }]) => [key, final, rev, values] as const);
  return { rows: rows.sort(([a], [b]) => (a < b ? -1 : 1)), watermark: simulation.merge.watermark };
}

/** The rows alone: what is told later may be a revision more. */
function values(simulation: Simulation): unknown {
  const rows = [...simulation.seen].map(([key, { final, values }]) => [key, final, values] as const);
  return rows.sort(([a], [b]) => (a < b ? -1 : 1));
}

function judged({ merge }: Simulation): object {
  const { onTime, late, tooLate, ahead, disordered, revised } = merge.counters;
  return { onTime, late, tooLate, ahead, disordered, revised };
}

function raise(_: unknown, error: Error): never {
  throw error;
}
