/**
 * What was removed from a store and when, for backups: whoever holds an older state becomes like this store when he forgets these rows
 * and takes all buckets that have rows of their times. It does not say which series or policy: all rows of a measurement between two
 * times are brought anew. Bounded: where there are too many, those of the same measurement become one that covers them, and one that
 * cannot is not told any more. Not for what a retention policy let go.
 */
import { TIME_MAX, TIME_MIN } from '../../model/index.ts';
import type { DropScope, MeasurementName } from '../head/types.ts';
import { isDatabase } from './drop-scope.ts';

/** Each is some hundred bytes in every record of the manifest. */
const REMOVALS_MAX = 256;

/** Plain data. */
export interface Removal {
  readonly database: string;
  readonly measurement: string;
  /** Both included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
}

/** As the manifest keeps it. */
export interface RemovalAt extends Removal {
  /** Of the message that removed it. */
  readonly sequence: number;
}

/** What every record of the manifest says of removals. */
export interface RemovalsRecord {
  /** Sequence of the last message that removed anything, 0 = none. */
  readonly removedAt: number;
  readonly removals: readonly RemovalAt[];
  /** Sequence of the last message that removed what `removals` do not say; 0 = none did. */
  readonly untoldAt: number;
}

const NONE: RemovalsRecord = { removedAt: 0, removals: [], untoldAt: 0 };

export class Removals {
  /** Sequence of the last message that removed anything. */
  lastAt: number;
  /** In order of their sequences. */
  #list: RemovalAt[];
  #untoldAt: number;
  readonly #max: number;

  constructor({ removedAt, removals, untoldAt }: RemovalsRecord = NONE, max = REMOVALS_MAX) {
    this.lastAt = removedAt;
    this.#list = [...removals];
    this.#untoldAt = untoldAt;
    this.#max = max;
  }

  note({ sequence, database, measurement, minTime, maxTime }: RemovalAt): void {
    const removal = { sequence, database, measurement, minTime, maxTime };
    this.lastAt = sequence;
    // the stream may say again what the manifest knows
    if (this.#list.some((known) => known.sequence === removal.sequence && covers(known, removal))) return;
    this.#list.push(removal);
    if (this.#list.length > this.#max) this.#shorten();
  }

  /** These measurements went, with everything. That there is a database no more cannot be told. */
  noteDrop(sequence: number, scope: DropScope, gone: Iterable<readonly [MeasurementName, unknown]>): void {
    this.lastAt = sequence;
    if (isDatabase(scope)) this.#untoldAt = sequence;
    for (const [{ database, measurement }] of gone) {
      this.note({ sequence, database, measurement, minTime: TIME_MIN, maxTime: TIME_MAX });
    }
  }

  /** What went behind this sequence; null = that is not known. */
  since(sequence: number): readonly Removal[] | null {
    if (this.#untoldAt > sequence) return null;
    return hulls(this.#list.filter((removal) => removal.sequence > sequence));
  }

  record(): RemovalsRecord {
    return { removedAt: this.lastAt, removals: [...this.#list], untoldAt: this.#untoldAt };
  }

  // private functions

  #shorten(): void {
    const [oldest] = this.#list;
    const same = this.#list.filter((one) => isSame(one, oldest));
    if (same.length === 1) {
      this.#list.shift();
      this.#untoldAt = Math.max(this.#untoldAt, oldest.sequence);
      return;
    }
    const [hull] = hulls(same);
    const sequence = Math.max(...same.map((one) => one.sequence));
    const others = this.#list.filter((one) => !isSame(one, oldest));
    this.#list = [...others, { ...hull, sequence }].sort((one, other) => one.sequence - other.sequence);
  }
}

/** One for each measurement, that covers all of it. */
export function hulls(removals: Iterable<Removal>): Removal[] {
  const found = new Map<string, Removal>();
  for (const { database, measurement, minTime, maxTime } of removals) {
    const key = JSON.stringify([database, measurement]);
    const known = found.get(key);
    found.set(key, {
      database,
      measurement,
      minTime: known !== undefined && known.minTime < minTime ? known.minTime : minTime,
      maxTime: known !== undefined && known.maxTime > maxTime ? known.maxTime : maxTime,
    });
  }
  return [...found.values()];
}

export function covers(removal: Removal, other: Removal): boolean {
  return isSame(removal, other) && removal.minTime <= other.minTime && removal.maxTime >= other.maxTime;
}

// private functions

function isSame(a: Removal, b: Removal): boolean {
  return a.database === b.database && a.measurement === b.measurement;
}
