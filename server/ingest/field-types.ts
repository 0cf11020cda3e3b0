/**
 * Types of fields. A field's type is fixed by its first write in (database, policy, measurement). The `FieldTypeAuthority` (one, on
 * the main thread) decides; every decoding thread holds a `FieldTypes`, a cache of what the authority said.
 *
 * How a body is written: decode (unknown fields are assumed by first use and listed) → `declare` the listed ones → `learn` the
 * answer; if it contradicts (`learn` returns false) decode the same body again, now with the right types.
 */
import type { FieldType } from '../../model/index.ts';

/** A cache of so many fields starts over: it is asked for again what is still in use. */
const CACHED_FIELDS_MAX = 1_000_000;
/** Columns of one measurement; wide tables beyond this are a modelling mistake that costs every reader. */
const FIELDS_PER_MEASUREMENT_MAX = 10_000;
const MEASUREMENTS_PER_DATABASE_MAX = 100_000;

export interface NewField {
  readonly measurement: string;
  readonly field: string;
  readonly type: FieldType;
}

/** What the authority says to a list of new fields. Plain data. */
export interface FieldVerdict {
  readonly database: string;
  readonly retentionPolicy: string;
  /** The fields asked about that exist now, with the type they really have. */
  readonly fields: readonly NewField[];
  /** Measurements that take no more fields, with all they have. */
  readonly full: readonly { readonly measurement: string; readonly fields: readonly NewField[] }[];
}

/** What is known of one measurement. `version` grows with every change. */
export interface KnownFields {
  readonly fields: ReadonlyMap<string, FieldType>;
  /** No new fields are taken. */
  readonly full: boolean;
  readonly version: number;
}

export interface FieldTypeLimits {
  readonly fieldsPerMeasurementMax: number;
  readonly measurementsPerDatabaseMax: number;
}

type Entry = { fields: Map<string, FieldType>; full: boolean; version: number };
/** Database → policy and measurement → entry. */
type Entries = Map<string, Map<string, Entry>>;

/** A decoding thread's cache. */
export class FieldTypes {
  readonly #entries: Entries = new Map();
  readonly #cachedMax: number;
  #cached = 0;
  #forgotten = 0;
  #version = 0;

  constructor(cachedMax: number = CACHED_FIELDS_MAX) {
    this.#cachedMax = cachedMax;
  }

  /** How often something was forgotten: who remembers types from before may be wrong. */
  get forgotten(): number {
    return this.#forgotten;
  }

  lookup(database: string, retentionPolicy: string, measurement: string): KnownFields | undefined {
    return this.#entries.get(database)?.get(entryKey(retentionPolicy, measurement));
  }

  /** Takes the answer to `asked` in. False: it contradicts what was asked, so what was decoded with the old cache is void. */
  learn(asked: readonly NewField[], verdict: FieldVerdict): boolean {
    if (this.#cached > this.#cachedMax) this.clear();
    for (const field of verdict.fields) this.#set(verdict, field);
    for (const { measurement, fields } of verdict.full) {
      for (const field of fields) this.#set(verdict, field);
      const entry = this.#entry(verdict, measurement);
      entry.full = true;
      entry.version = ++this.#version;
    }
    return asked.every((f) => {
      const known = this.lookup(verdict.database, verdict.retentionPolicy, f.measurement);
      return known?.fields.get(f.field) === f.type;
    });
  }

  forgetDatabase(database: string): void {
    this.#forgotten++;
    this.#entries.delete(database);
  }

  forgetPolicy(database: string, retentionPolicy: string): void {
    this.#forgotten++;
    deletePolicy(this.#entries, database, retentionPolicy);
  }

  forgetMeasurement(database: string, measurement: string): void {
    this.#forgotten++;
    deleteMeasurement(this.#entries, database, measurement);
  }

  clear(): void {
    this.#entries.clear();
    this.#cached = 0;
  }

  // private functions

  #set(verdict: FieldVerdict, { measurement, field, type }: NewField): void {
    const entry = this.#entry(verdict, measurement);
    if (entry.fields.get(field) === type) return;
    entry.fields.set(field, type);
    entry.version = ++this.#version;
    this.#cached++;
  }

  #entry({ database, retentionPolicy }: FieldVerdict, measurement: string): Entry {
    const before = this.#entries.get(database)?.get(entryKey(retentionPolicy, measurement));
    if (before !== undefined) return before;
    this.#cached++;
    return takeEntry(this.#entries, database, entryKey(retentionPolicy, measurement), ++this.#version);
  }
}

/** Decides. First declared, first served. */
export class FieldTypeAuthority {
  readonly #entries: Entries = new Map();
  readonly #limits: FieldTypeLimits;

  constructor(limits: Partial<FieldTypeLimits> = {}) {
    this.#limits = {
      fieldsPerMeasurementMax: FIELDS_PER_MEASUREMENT_MAX,
      measurementsPerDatabaseMax: MEASUREMENTS_PER_DATABASE_MAX,
      ...limits,
    };
  }

  /** Also how a restarting server tells it what is on disk. */
  declare(database: string, retentionPolicy: string, asked: readonly NewField[]): FieldVerdict {
    const fields: NewField[] = [];
    const full = new Map<string, readonly NewField[]>();
    for (const { measurement, field, type } of asked) {
      const key = entryKey(retentionPolicy, measurement);
      let entry = this.#entries.get(database)?.get(key);
      if (entry === undefined) {
        if ((this.#entries.get(database)?.size ?? 0) >= this.#limits.measurementsPerDatabaseMax) {
          full.set(measurement, []);
          continue;
        }
        entry = takeEntry(this.#entries, database, key, 0);
      }
      const actual = entry.fields.get(field);
      if (actual !== undefined) fields.push({ measurement, field, type: actual });
      else if (entry.fields.size < this.#limits.fieldsPerMeasurementMax) {
        entry.fields.set(field, type);
        fields.push({ measurement, field, type });
      } else if (!full.has(measurement)) {
        full.set(
          measurement,
          [...entry.fields].map(([name, t]) => ({ measurement, field: name, type: t })),
        );
      }
    }
    return {
      database,
      retentionPolicy,
      fields,
      full: [...full].map(([measurement, all]) => ({ measurement, fields: all })),
    };
  }

  forgetDatabase(database: string): void {
    this.#entries.delete(database);
  }

  forgetPolicy(database: string, retentionPolicy: string): void {
    deletePolicy(this.#entries, database, retentionPolicy);
  }

  /** After DROP MEASUREMENT its fields may come back with other types, in any policy. */
  forgetMeasurement(database: string, measurement: string): void {
    deleteMeasurement(this.#entries, database, measurement);
  }
}

// private functions

function entryKey(retentionPolicy: string, measurement: string): string {
  return `${retentionPolicy}\0${measurement}`;
}

function deletePolicy(entries: Entries, database: string, retentionPolicy: string): void {
  const byKey = entries.get(database);
  for (const key of byKey?.keys() ?? []) if (key.startsWith(`${retentionPolicy}\0`)) byKey!.delete(key);
}

function deleteMeasurement(entries: Entries, database: string, measurement: string): void {
  const byKey = entries.get(database);
  for (const key of byKey?.keys() ?? []) {
    if (key.slice(key.indexOf('\0') + 1) === measurement) byKey!.delete(key);
  }
}

function takeEntry(entries: Entries, database: string, key: string, version: number): Entry {
  let byKey = entries.get(database);
  if (byKey === undefined) entries.set(database, (byKey = new Map()));
  let entry = byKey.get(key);
  if (entry === undefined) byKey.set(key, (entry = { fields: new Map(), full: false, version }));
  return entry;
}
