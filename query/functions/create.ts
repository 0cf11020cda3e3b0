/** The table of aggregates: what each takes and gives, which of them are selectors, and the state of each. */
import type { FieldType } from '../../model/index.ts';
import type { Aggregate, AggregateName } from '../planner/plan.ts';
import type { AggregateState } from './aggregate.ts';
import { CountState } from './count.ts';
import { KeptState } from './kept.ts';
import { SelectorState } from './selector.ts';
import { SpreadState } from './spread.ts';
import { StddevState } from './stddev.ts';
import { SumState } from './sum.ts';
import { TallyState } from './tally.ts';

export interface FunctionShape {
  readonly arguments: number;
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
  ['count', { arguments: 1, inputs: ALL, result: 'integer', selector: false }],
  ['sum', { arguments: 1, inputs: NUMBERS, result: 'same', selector: false }],
  ['mean', { arguments: 1, inputs: NUMBERS, result: 'float', selector: false }],
  ['median', { arguments: 1, inputs: NUMBERS, result: 'float', selector: false }],
  ['mode', { arguments: 1, inputs: ALL, result: 'same', selector: false }],
  ['min', { arguments: 1, inputs: ORDERED, result: 'same', selector: true }],
  ['max', { arguments: 1, inputs: ORDERED, result: 'same', selector: true }],
  ['first', { arguments: 1, inputs: ALL, result: 'same', selector: true }],
  ['last', { arguments: 1, inputs: ALL, result: 'same', selector: true }],
  ['spread', { arguments: 1, inputs: NUMBERS, result: 'same', selector: false }],
  ['stddev', { arguments: 1, inputs: NUMBERS, result: 'float', selector: false }],
  ['percentile', { arguments: 2, inputs: NUMBERS, result: 'same', selector: true }],
  ['distinct', { arguments: 1, inputs: ALL, result: 'same', selector: false }],
]);

/** `carried`: how many columns a chosen point carries. */
export function createState(aggregate: Aggregate, carried: number): AggregateState {
  const { name, type } = aggregate;
  switch (name) {
    case 'count':
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
      return new SelectorState(name, type, carried);
    case 'spread':
      return new SpreadState(type);
    case 'median':
      return new KeptState(null, 0);
    case 'percentile':
      return new KeptState(aggregate.parameter, carried);
    case 'mode':
    case 'distinct':
    case 'count distinct':
      return new TallyState(name, type);
  }
}
