/** The table of aggregates: what each takes and gives, which of them are selectors, and the state of each. */
import type { FieldType } from '../../model/index.ts';
import type { Aggregate, AggregateName } from '../planner/plan.ts';
import type { AggregateState } from './aggregate.ts';
import { ArrivedState } from './arrived.ts';
import { BucketState } from './bucket.ts';
import { ChosenState } from './chosen.ts';
import { CountState } from './count.ts';
import { KeptState } from './kept.ts';
import { MedianState } from './median.ts';
import { ModeState } from './mode.ts';
import { RateState } from './rate.ts';
import { SelectorState } from './selector.ts';
import { ACCURACY, SketchState } from './sketch.ts';
import { SpreadState } from './spread.ts';
import { StddevState } from './stddev.ts';
import { SumState } from './sum.ts';
import { TallyState } from './tally.ts';

export interface FunctionShape {
  readonly inputs: readonly FieldType[];
  /** 'same' = the input's type. */
  readonly result: FieldType | 'same';
  /** Chooses one point, whose time and other columns the row may carry. */
  readonly selector: boolean;
}

const NUMBERS: readonly FieldType[] = ['float', 'integer', 'unsigned'];
const ORDERED: readonly FieldType[] = [...NUMBERS, 'boolean'];
const ALL: readonly FieldType[] = [...ORDERED, 'string'];

/** By the name a query uses; `count distinct` has no name of its own. */
export const FUNCTIONS: ReadonlyMap<string, FunctionShape> = new Map<AggregateName, FunctionShape>([
  ['count', { inputs: ALL, result: 'integer', selector: false }],
  ['sum', { inputs: NUMBERS, result: 'same', selector: false }],
  ['mean', { inputs: NUMBERS, result: 'float', selector: false }],
  ['median', { inputs: NUMBERS, result: 'float', selector: false }],
  ['mode', { inputs: ALL, result: 'same', selector: false }],
  ['min', { inputs: ORDERED, result: 'same', selector: true }],
  ['max', { inputs: ORDERED, result: 'same', selector: true }],
  ['first', { inputs: ALL, result: 'same', selector: true }],
  ['last', { inputs: ALL, result: 'same', selector: true }],
  ['spread', { inputs: NUMBERS, result: 'same', selector: false }],
  ['stddev', { inputs: NUMBERS, result: 'float', selector: false }],
  ['percentile', { inputs: NUMBERS, result: 'same', selector: true }],
  ['top', { inputs: NUMBERS, result: 'same', selector: true }],
  ['bottom', { inputs: NUMBERS, result: 'same', selector: true }],
  ['sample', { inputs: ALL, result: 'same', selector: true }],
  ['percentile_approx', { inputs: NUMBERS, result: 'float', selector: false }],
  ['count_distinct_approx', { inputs: ALL, result: 'integer', selector: false }],
  ['rate', { inputs: NUMBERS, result: 'float', selector: false }],
  ['histogram', { inputs: NUMBERS, result: 'integer', selector: false }],
  ['distinct', { inputs: ALL, result: 'same', selector: false }],
]);

/** `carried`: how many columns a chosen point carries. */
export function createState(aggregate: Aggregate, carried: number): AggregateState {
  const { name, type, parameter, rest = [] } = aggregate;
  switch (name) {
    case 'count':
    case 'rows':
      return new CountState();
    case 'sum':
    case 'mean':
      return new SumState(name === 'mean', type);
    case 'stddev':
      return new StddevState();
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return aggregate.arrival === undefined
        ? new SelectorState(name, type, carried)
        : new ArrivedState(aggregate, name, carried);
    case 'spread':
      return new SpreadState(type);
    case 'median':
      return type === 'float' ? new MedianState() : new KeptState(null, 0, null);
    case 'percentile':
      return new KeptState(aggregate.parameter, carried, aggregate.arrival ?? null, aggregate.byName);
    case 'mode':
      return new ModeState(type, aggregate.arrival ?? null);
    case 'distinct':
    case 'count distinct':
      return new TallyState(name);
    case 'percentile_approx':
      return new SketchState(parameter, rest[0] ?? ACCURACY);
    case 'count_distinct_approx':
      return new SketchState(null, 0);
    case 'rate':
      return new RateState(parameter);
    case 'histogram':
      return new BucketState(rest[0] ?? Number.NEGATIVE_INFINITY, parameter);
    case 'top':
    case 'bottom':
    case 'sample':
      return new ChosenState(name, aggregate.parameter, aggregate.by ?? null, carried);
  }
}
