/** The contract of a function that looks from row to row: one state runs over the rows of one series. `transform.ts` chooses. */
import type { Value } from '../../model/index.ts';

export type Emit = (time: bigint, value: Value) => void;

export interface TransformState {
  next(time: bigint, value: NonNullable<Value>, emit: Emit): void;
  /** The series is over. In steps of less than a millisecond: whoever takes them may stop between two. */
  end?(emit: Emit): Iterable<void>;
}
