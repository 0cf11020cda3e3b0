/**
 * Units: what has one identity in the answer of a live query over held rows, all rows of one series and time, usually one; and what
 * of the units was told. No rule of time is here.
 */

import type { ResultTable } from '../../source/result.ts';
import { tableKey } from '../live-cells.ts';

import { type Rendered, rowText, timeColumn } from '../live-rows.ts';
import type { Emission } from '../live-update.ts';
import { EmissionBuilder } from './live-emission.ts';

export interface Unit {
  readonly key: string;
  readonly name: string;
  readonly tags: ResultTable['tags'];
  readonly time: bigint;
  /** Its rows as text. */
  text: string;
  readonly rendered: Rendered[];
}

export interface KnownUnit {
  readonly unit: Unit;
  /** As it was last sent; null = it was sent as gone. */
  text: string | null;
  /** It was last sent as final; it was at some time. */
  final: boolean;
  everFinal: boolean;
  rev: number;
}

/** The units of an answer, in its order. */
export function unitsOf(tables: readonly ResultTable[]): Iterable<Unit> {
  const units = new Map<string, Unit>();
  for (const table of tables) {
    const { base, offsets } = timeColumn(table);
    const series = tableKey(table);
    for (let row = 0; row < table.rows; row++) {
      const time = base + BigInt(offsets[row]);
      const key = `${series} ${time}`;
      const text = rowText(table, row);
      let unit = units.get(key);
      if (unit === undefined) {
        units.set(key, (unit = { key, name: table.name, tags: table.tags, time, text: '', rendered: [] }));
      }
      unit.text += text;
      const last = unit.rendered.at(-1);
      if (last?.table === table) (last.rows as number[]).push(row);
      else unit.rendered.push({ table, rows: [row], text });
    }
  }
  return units.values();
}

export class Told {
  readonly #known = new Map<string, KnownUnit>();
  #met = new Set<string>();

  get size(): number {
    return this.#known.size;
  }

  /** A new answer is gone through. */
  begin(): void {
    this.#met = new Set();
  }

  /** The unit is in the answer. */
  meet(unit: Unit): KnownUnit | undefined {
    this.#met.add(unit.key);
    return this.#known.get(unit.key);
  }

  find(unit: Unit): KnownUnit | undefined {
    return this.#known.get(unit.key);
  }

  wasFinal(unit: Unit): boolean {
    return this.#known.get(unit.key)?.everFinal === true;
  }

  /** Notes it as final; gives its revision. */
  final(unit: Unit, firstRev: number): number {
    const known = this.#know(unit);
    known.rev = known.everFinal ? known.rev + 1 : Math.max(firstRev, known.rev);
    known.everFinal = true;
    known.final = true;
    known.text = unit.text;
    return known.rev;
  }

  /** Notes it as sent while it may still change; gives the revision to send. */
  provisional(unit: Unit): number {
    const known = this.#know(unit);
    known.final = false;
    known.text = unit.text;
    return known.everFinal ? known.rev + 1 : known.rev;
  }

  /** One client has seen it, perhaps not as the others have: it is sent to all once more, and where it is no more they are told. */
  shown(unit: Unit): void {
    const known = this.#know(unit);
    known.text ??= '';
  }

  /** Units that were sent and not met since `begin`, from a time on. */
  missing(from: bigint): KnownUnit[] {
    return [...this.#known.values()].filter(
      ({ unit, text }) => text !== null && unit.time >= from && !this.#met.has(unit.key),
    );
  }

  /** Notes it as gone. */
  vanish(known: KnownUnit): Unit {
    known.text = null;
    known.final = false;
    return known.unit;
  }

  /** What was final before `before` has a revision above `rev` from now on. Gives the greatest. */
  raise(before: bigint, rev: number): number {
    let greatest = 0;
    for (const known of this.#known.values()) {
      if (!known.everFinal || known.rev > rev || known.unit.time >= before) continue;
      known.rev = rev + 1;
      greatest = known.rev;
    }
    return greatest;
  }

  /** Forgets what is before a time; gives the greatest revision of it. */
  forget(before: bigint): number {
    let rev = 0;
    for (const [key, known] of this.#known) {
      if (known.unit.time >= before) continue;
      rev = Math.max(rev, known.rev);
      this.#known.delete(key);
    }
    return rev;
  }

  // private functions

  #know(unit: Unit): KnownUnit {
    let known = this.#known.get(unit.key);
    if (known === undefined) {
      // without its rows: they would keep whole answers in memory
      const { key, name, tags, time } = unit;
      const bare = { key, name, tags, time, text: '', rendered: [] };
      known = { unit: bare, text: null, final: false, everFinal: false, rev: 0 };
      this.#known.set(key, known);
    }
    return known;
  }
}

/** Emissions under way: rows, and units that are no more, which are said first. */
export class Outgoing {
  readonly #rows: EmissionBuilder;
  readonly #phase: Emission['phase'];
  readonly #gone: Unit[] = [];
  #goneFrom: bigint | null = null;

  constructor(phase: Emission['phase']) {
    this.#phase = phase;
    this.#rows = new EmissionBuilder(phase);
  }

  add(final: boolean, rev: number, unit: Unit): void {
    for (const rows of unit.rendered) this.#rows.add(final, rev, rows);
  }

  gone(unit: Unit): void {
    this.#gone.push(unit);
  }

  /** All that was sent from this time on. */
  goneFrom(time: bigint): void {
    this.#goneFrom = time;
  }

  build(): Emission[] {
    const rows = this.#rows.build();
    if (this.#gone.length === 0 && this.#goneFrom === null) return rows;
    const tables = this.#gone.map(({ name, tags, time }) => ({
      name,
      tags,
      columns: ['time'],
      rows: 1,
      data: [{ type: 'time', base: time, offsets: new Float64Array(1) } as const],
    }));
    return [{ final: true, rev: 0, phase: this.#phase, tables, gone: { from: this.#goneFrom } }, ...rows];
  }
}
