/** The contract of a function that looks from row to row: one state runs over the rows of one series. `transform.ts` chooses. */
import type { Value } from '../../model/index.ts';

export type Emit = (time: bigint, value: Value) => void;

export interface TransformState {
  next(time: bigint, value: NonNullable<Value>, emit: Emit): void;
  /** The series is over. */
  end?(emit: Emit): void;
}
