/**
 * What was removed from a store and when, for backups: whoever holds an older state becomes like this store when he forgets these rows
 * and takes those of them that are still there. Rows are told by measurement, times and the condition that chose their series; a
 * database that was dropped by its name. Bounded in bytes: where there are too many, the older half becomes fewer that say more, first by
 * measurement, then by database; what cannot become less is not told any more. Not for what a retention policy let go.
 */
import { TIME_MAX, TIME_MIN } from '../../model/index.ts';
import type { DropScope, MeasurementName } from '../head/types.ts';
import { isDatabase } from './drop-scope.ts';

/** All of them are in every record of the manifest. */
const REMOVALS_BYTES_MAX = 64 * 1024;
/** A longer condition is not told: then it is about all series. */
const CONDITION_BYTES_MAX = 4 * 1024;
/** Of one in a record, but for its names and condition. */
const REMOVAL_BYTES = 160;

/** Rows of whichever policy. Plain data. */
export interface Removal {
  readonly database: string;
  /** null = the whole database, with its documents; it may be there again. */
  readonly measurement: string | null;
  /** What their series meet, as the caller can read it; null = all series. */
  readonly condition: string | null;
  /** Both included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
}

/** As the manifest keeps it. */
export interface RemovalAt extends Removal {
  /** Of the message that removed it. */
  readonly sequence: number;
  /** No row that it says is left from before it. */
  readonly isWhole: boolean;
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
  #list: readonly RemovalAt[];
  #untoldAt: number;
  readonly #bytesMax: number;

  constructor({ removedAt, removals, untoldAt }: RemovalsRecord = NONE, bytesMax = REMOVALS_BYTES_MAX) {
    this.lastAt = removedAt;
    this.#list = removals;
    this.#untoldAt = untoldAt;
    this.#bytesMax = bytesMax;
  }

  note(removed: RemovalAt): void {
    const removal = withShortCondition(removed);
    this.lastAt = removal.sequence;
    // the stream may say again what the manifest knows
    if (removal.sequence <= this.#untoldAt) return;
    if (this.#list.some((known) => known.sequence >= removal.sequence && covers(known, removal))) return;
    const rest = this.#list.filter((known) => !(covers(removal, known) && (removal.isWhole || !known.isWhole)));
    this.#list = [...rest, removal];
    while (this.#list.length > 0 && bytesOf(this.#list) > this.#bytesMax) this.#shorten();
  }

  /** What was in the scope went, with everything; `gone` are the measurements of it. */
  noteDrop(sequence: number, scope: DropScope, gone: Iterable<readonly [MeasurementName, unknown]>): void {
    this.lastAt = sequence;
    const { database, retentionPolicy, measurement } = scope;
    const all = { sequence, database, condition: null, minTime: TIME_MIN, maxTime: TIME_MAX };
    if (isDatabase(scope)) this.note({ ...all, measurement: null, isWhole: true });
    else if (retentionPolicy === null) this.note({ ...all, measurement, isWhole: true });
    else for (const [name] of gone) this.note({ ...all, measurement: name.measurement, isWhole: false });
  }

  /** What went behind this sequence; null = that is not known. */
  since(sequence: number): readonly Removal[] | null {
    if (this.#untoldAt > sequence) return null;
    const later = this.#list.filter((removal) => removal.sequence > sequence);
    return distinct(later.map(({ sequence: _, isWhole: __, ...removal }) => removal));
  }

  /** All that it says went behind this sequence: what there is of it came later still. */
  has(removal: Removal, sequence: number): boolean {
    return this.#list.some((known) => known.isWhole && known.sequence > sequence && covers(known, removal));
  }

  record(): RemovalsRecord {
    return { removedAt: this.lastAt, removals: this.#list, untoldAt: this.#untoldAt };
  }

  // private functions

  #shorten(): void {
    const half = Math.ceil(this.#list.length / 2);
    const [older, newer] = [this.#list.slice(0, half), this.#list.slice(half)];
    for (const fewer of [merged(older, measurementHull), merged(older, databaseHull)]) {
      if (fewer.length === older.length) continue;
      this.#list = [...fewer, ...newer];
      return;
    }
    this.#untoldAt = Math.max(this.#untoldAt, ...older.map(({ sequence }) => sequence));
    this.#list = newer;
  }
}

/** Without those that others cover. */
export function distinct(removals: readonly Removal[]): Removal[] {
  const found: Removal[] = [];
  for (const removal of removals) {
    if (found.some((known) => covers(known, removal))) continue;
    found.splice(0, found.length, ...found.filter((known) => !covers(removal, known)), removal);
  }
  return found;
}

export function covers(removal: Removal, other: Removal): boolean {
  if (removal.database !== other.database) return false;
  if (removal.measurement === null) return true;
  if (removal.measurement !== other.measurement) return false;
  if (removal.condition !== null && removal.condition !== other.condition) return false;
  return removal.minTime <= other.minTime && removal.maxTime >= other.maxTime;
}

// private functions

function withShortCondition(removal: RemovalAt): RemovalAt {
  if (removal.condition === null || removal.condition.length <= CONDITION_BYTES_MAX) return removal;
  return { ...removal, condition: null, isWhole: false };
}

function bytesOf(list: readonly RemovalAt[]): number {
  let bytes = 0;
  for (const { database, measurement, condition } of list) {
    bytes += REMOVAL_BYTES + database.length + (measurement?.length ?? 0) + (condition?.length ?? 0);
  }
  return bytes;
}

type Hull = { readonly key: (removal: Removal) => string; readonly of: (group: readonly RemovalAt[]) => Removal };

const measurementHull: Hull = {
  key: ({ database, measurement }) => JSON.stringify([database, measurement]),
  of: (group) => {
    const [{ database, measurement, condition }] = group;
    return {
      database,
      measurement,
      condition: group.every((one) => one.condition === condition) ? condition : null,
      minTime: ascending(group.map(({ minTime }) => minTime))[0],
      maxTime: ascending(group.map(({ maxTime }) => maxTime)).at(-1)!,
    };
  },
};

const databaseHull: Hull = {
  key: ({ database }) => database,
  of: ([{ database }]) => ({ database, measurement: null, condition: null, minTime: TIME_MIN, maxTime: TIME_MAX }),
};

function ascending(times: bigint[]): bigint[] {
  return times.sort((a, b) => (a < b ? -1 : 1));
}

/** One for each group, in order of their last sequences; one that is alone stays as it is. */
function merged(list: readonly RemovalAt[], { key, of }: Hull): RemovalAt[] {
  const groups = [...Map.groupBy(list, key).values()];
  const hulls = groups.map((group) => {
    if (group.length === 1) return group[0];
    return { ...of(group), sequence: Math.max(...group.map(({ sequence }) => sequence)), isWhole: false };
  });
  return hulls.sort((one, other) => one.sequence - other.sequence);
}
