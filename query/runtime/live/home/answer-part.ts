/** AnswerPart: what is answered alone of a live query over held rows, and how far it has been told; see live-answers.ts. */
import { TIME_MAX, TIME_MIN } from '../../../../model/index.ts';
import { Told } from './told-units.ts';

export interface AnswerPart {
  readonly key: string;
  readonly told: Told;
  /** Rows have come since it was answered. */
  dirty: boolean;
  /** Least time of rows that came and may not be told: W − lateness does not pass it, or a client that comes back would miss them. */
  least: bigint;
  /** It was answered, but not all was told. */
  waits: boolean;
  /** Least W at which more of it is final, and least W − lateness at which more is settled. */
  finalAt: bigint;
  settleAt: bigint;
  /** Its answer's rows before this are final; settled. */
  finalTo: bigint | null;
  settledTo: bigint;
  /** Rows of its answer from this time on may not be as they were told. */
  changedFrom: bigint;
  /** Rows before this are not taken. */
  floor: bigint | null;
  answeredAtMs: number;
  settledAtMs: number;
}

/** Of which nothing was answered yet. `floor`: rows before it are not taken. */
export function newPart(key: string, floor: bigint | null): AnswerPart {
  return {
    key,
    told: new Told(),
    dirty: false,
    least: TIME_MAX,
    waits: false,
    finalAt: TIME_MAX,
    settleAt: TIME_MIN,
    finalTo: null,
    settledTo: TIME_MIN,
    changedFrom: TIME_MIN,
    floor,
    answeredAtMs: Number.NEGATIVE_INFINITY,
    settledAtMs: Number.NEGATIVE_INFINITY,
  };
}
