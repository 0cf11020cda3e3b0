/** Which of several points of one time first, last, min and max choose: as InfluxDB does, however the rows are spread over states. */
import { expect } from 'chai';
import type { Value } from '../../../../model/index.ts';
import type { AggregateState } from '../../../../query/functions/aggregate.ts';
import { createState } from '../../../../query/functions/index.ts';
import type { Aggregate, AggregateName } from '../../../../query/planner/index.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const SEED = seedOfRun();

/** Series a, b, c …, each with a point; the number of its series is what it carries. */
interface Point {
  readonly time: number;
  readonly value: number;
}

const together = (...values: number[]): Point[] => values.map((value) => ({ time: 5, value }));

describe(`query/functions: points of one time (SEED=${SEED})`, () => {
  it('first is the greater of the first by key and the last; of last the other way round', () => {
    // what was read of the heap: a, then d
    expect(chosen('first', together(1, 9, 8, 2))[0]).to.equal(2);
    expect(chosen('first', together(3, 9, 8, 2))[0]).to.equal(3);
    expect(chosen('last', together(3, 9, 8, 4))[0]).to.equal(4);
    expect(chosen('last', together(5, 9, 8, 4))[0]).to.equal(5);
  });

  it('a series that is later stands in the heap, too', () => {
    const points = [{ time: 7, value: 0 }, ...together(1, 9, 2)];
    expect(chosen('first', points)[0]).to.equal(2);
    // the last takes the first's place on top, and sinks below the second
    expect(chosen('first', [...together(1, 4, 9), { time: 7, value: 0 }])[0]).to.equal(4);
  });

  it('last in a subquery with groups of its own is the first that comes', () => {
    expect(chosen('last', together(5, 9, 8, 4), { firstOnly: true })[0]).to.equal(4);
  });

  it('min and max take the first series by key, else the last of those alike', () => {
    expect(chosen('max', together(9, 9, 9, 1))).to.deep.equal([9, 0]);
    expect(chosen('max', together(1, 9, 9, 1))).to.deep.equal([9, 2]);
    expect(chosen('min', together(4, 1, 3, 1))).to.deep.equal([1, 3]);
    expect(chosen('min', [{ time: 4, value: 1 }, ...together(1, 1)])).to.deep.equal([1, 0]);
    expect(chosen('min', [{ time: 6, value: 1 }, ...together(1, 1)])).to.deep.equal([1, 2]);
  });

  it('in windows the heap of the series remembers those before', () => {
    const alike = together(1, 1, 1);
    expect(chosenInWindows('max', [alike, alike, alike, alike])).to.deep.equal([0, 2, 1, 0]);
    expect(chosenInWindows('max', [alike, alike], { arrival: 'descending' })).to.deep.equal([0, 2]);
    expect(chosenInWindows('last', [together(2, 1, 1), together(2, 3, 3)])).to.deep.equal([0, 2]);
    // a series that was not there is where its next window puts it
    expect(chosenInWindows('first', [together(1), alike, alike])).to.deep.equal([0, 2, 0]);
  });

  it('is chosen among thousands of series', () => {
    const points = Array.from({ length: 3_000 }, (_, i) => ({ time: 5, value: i === 1_500 ? -1 : 0 }));
    expect(chosen('min', points)).to.deep.equal([-1, 1_500]);
  });
});

// private functions

/** Value and series; the same for rows in any order, in one state or in several, cell by cell or in runs. */
function chosen(name: AggregateName, points: readonly Point[], more: Partial<Aggregate> = {}): [Value, Value] {
  const aggregate: Aggregate = {
    name,
    field: 'v',
    type: 'float',
    result: 'float',
    parameter: 0,
    arrival: 'ascending',
    ...more,
  };
  const carries = name === 'min' || name === 'max';
  const whole = stateOf(aggregate, points, [...points.keys()], carries);
  const found = resultOf(whole, carries);
  const random = new Random(SEED);
  for (let run = 0; run < 5; run++) {
    const order = [...points.keys()].sort(() => random.next() - 0.5);
    const cut = random.between(0, order.length);
    const merged = stateOf(aggregate, points, order.slice(0, cut), carries);
    const other = stateOf(aggregate, points, order.slice(cut), carries);
    merged.merge(structuredClone(other.take(Int32Array.of(0))), Int32Array.of(0));
    expect(resultOf(merged, carries), `${name}, run ${run}`).to.deep.equal(found);
  }
  if (!carries) expect(resultOf(stateOfRuns(aggregate, points), false)).to.deep.equal(found);
  return found;
}

/** By window, which come in any order, the series of the point chosen. */
function chosenInWindows(name: AggregateName, windows: readonly Point[][], more: Partial<Aggregate> = {}): Value[] {
  const described = { field: 'v', type: 'float', result: 'float', parameter: 0, arrival: 'ascending' } as const;
  const state = createState({ ...described, name, ...more }, 1);
  state.grow(windows.length);
  const slots = Int32Array.from(windows.keys());
  for (const slot of slots.toReversed()) {
    const points = windows[slot];
    const own = new Int32Array(points.length).fill(slot);
    const carried = [(row: number): Value => row];
    state.update({ ...blockOf(points), count: points.length, rows: null, slots: own, carried });
  }
  for (const _ of state.arrange!(slots));
  return Array.from(slots, (slot) => state.carried!(slot, 0));
}

function resultOf(state: AggregateState, carries: boolean): [Value, Value] {
  return [state.result(0), carries ? state.carried!(0, 0) : null];
}

function stateOf(
  aggregate: Aggregate,
  points: readonly Point[],
  order: readonly number[],
  carries: boolean,
): AggregateState {
  const state = createState(aggregate, carries ? 1 : 0);
  state.grow(1);
  const carried = carries ? [(row: number): Value => row] : [];
  const rows = Uint32Array.from(order);
  state.update({ ...blockOf(points), count: rows.length, rows, slots: new Int32Array(rows.length), carried });
  return state;
}

function stateOfRuns(aggregate: Aggregate, points: readonly Point[]): AggregateState {
  const state = createState(aggregate, 0);
  state.grow(1);
  const from = Uint32Array.from(points.keys());
  const runs = { count: points.length, from, to: from.map((row) => row + 1), slots: new Int32Array(points.length) };
  expect(state.updateRuns!({ ...blockOf(points), ...runs })).to.equal(true);
  return state;
}

function blockOf(points: readonly Point[]) {
  const values = Float64Array.from(points, ({ value }) => value);
  return {
    base: 0n,
    offsets: Float64Array.from(points, ({ time }) => time),
    column: { type: 'float', values, present: null } as const,
    series: Uint32Array.from(points.keys()),
    keyOf: (series: number): string => `host=${String(series).padStart(5, '0')}`,
  };
}
