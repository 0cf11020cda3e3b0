/**
 * A live query by its text, over shards in memory, with a clock that the test moves: written, told and joined as the server does it, and
 * what a client would hold at the end. It checks on the way that no final row is sent with two values under one revision.
 */
import { expect } from 'chai';
import type { FieldType, Value } from '../../model/index.ts';
import {
  type Emission,
  type LiveHomeStage,
  type LiveInput,
  LiveLeaves,
  type LivePlan,
  type LiveShard,
  type LiveStage,
  LiveStages,
  LiveView,
  livePlan,
  openHome,
  parse,
  planSelect,
  type SelectStatement,
} from '../../query/index.ts';
import { ArraySource, type Row } from '../unit/query/support/array-source.ts';
import { ask, seriesOf } from '../unit/query/support/ask.ts';

/** A moment that starts a minute. */
export const NOW_MS = 1_700_000_040_000;
export const NOW_NS = BigInt(NOW_MS) * 1_000_000n;

export type Schema = Readonly<
  Record<string, { readonly fields: Readonly<Record<string, FieldType>>; readonly tagKeys: readonly string[] }>
>;

interface Held {
  readonly rows: readonly string[];
  readonly final: boolean;
  readonly rev: number;
}

export class LiveText {
  readonly text: string;
  readonly shards: ArraySource[];
  live: LivePlan;
  home: LiveHomeStage;
  nowMs = NOW_MS;
  /** By series and time: the rows that a client holds, as texts. */
  readonly held = new Map<string, Held>();
  /** What its operators have told, as texts, in order, whether the client was there or not. */
  readonly told: string[] = [];
  /** Points that came too late, as they were told, by series, fields and time: how often. */
  readonly late = new Map<string, number>();
  /** How many rows were sent that were not final. */
  provisional = 0;
  readonly #schema: Schema;
  #stages: LiveStages[] = [];
  #operators: LiveStage[] = [];
  readonly #log: LiveInput[][];
  #sequence = 0;
  #finals = new Map<string, string>();
  #connected = true;
  #spoken: number[];
  #cursor: { positions: number[]; watermark: bigint | null; rev: number };

  constructor(text: string, schema: Schema, shards: number, history: readonly Row[] = []) {
    this.text = text;
    this.#schema = schema;
    this.shards = Array.from(
      { length: shards },
      (_, s) => new ArraySource(history.filter((row) => this.#shardOf(row, shards) === s)),
    );
    this.#log = this.shards.map(() => []);
    this.live = this.#plan();
    this.home = this.#start(this.live, { watermark: null, rev: -1 });
    this.#take(this.home.subscribe(this.nowMs).snapshot);
    this.#spoken = this.shards.map(() => 0);
    this.#cursor = { positions: [...this.#spoken], watermark: this.home.resumesAt, rev: this.home.rev };
  }

  /** In this order, in one message per shard. */
  write(...rows: Row[]): void {
    for (const [s, shard] of this.shards.entries()) {
      const own = rows.filter((row) => this.#shardOf(row, this.shards.length) === s);
      if (own.length === 0) continue;
      for (const { measurement, block, late } of shard.apply(own)) {
        const input = { database: 'db', retentionPolicy: 'autogen', measurement, block, late };
        this.#log[s].push(input);
        this.#accept(s, input);
      }
    }
    this.#tell(false);
  }

  /** Lets time pass, with the host's tick each second. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1000) {
      this.nowMs += Math.min(left, 1000);
      this.#tell(true);
    }
  }

  /** The client goes away, and with `kill` the operators too; it comes back with the cursor of what it saw last. */
  reconnect(kill: boolean, meanwhile: () => void): void {
    const cursor = this.#cursor;
    this.#connected = false;
    meanwhile();
    this.#connected = true;
    if (kill) {
      this.live = this.#plan();
      this.home = this.#start(this.live, cursor);
      this.home.subscribe(this.nowMs);
    } else this.home.raise(cursor);
    for (let reach = 1n; ; reach *= 4n) {
      for (const [s, operator] of this.#operators.entries()) {
        // what is on the way is sent first, as the server does it
        this.#collect(s, operator);
        const inputs = this.#log[s].slice(cursor.positions[s]);
        this.home.accept(s, structuredClone(operator.missed(this.nowMs, cursor.watermark, inputs, reach)));
      }
      if (this.home.readsEnough(cursor.watermark)) break;
    }
    this.#take(this.home.resume(cursor.watermark, this.nowMs).missed);
    const positions = this.#log.map(({ length }) => length);
    this.#spoken = [...positions];
    this.#recompute();
    this.#cursor = { positions, watermark: this.home.resumesAt, rev: this.home.rev };
  }

  /** By series and time, the rows of the same SELECT over history, as `held` has them. */
  async history(): Promise<Map<string, string[]>> {
    const answer = await ask(
      this.text,
      this.shards,
      BigInt(this.nowMs) * 1_000_000n + 10n ** 15n,
      undefined,
      this.#schemas(),
    );
    return rowsOf(answer);
  }

  /** What the client holds, by series and time. */
  rows(): Map<string, readonly string[]> {
    return new Map([...this.held].map(([key, { rows }]) => [key, rows]));
  }

  finals(): string[] {
    return [...this.held].filter(([, { final }]) => final).map(([key]) => key);
  }

  // private functions

  #schemas(): Parameters<typeof ask>[4] {
    return (_database, _policy, wanted) =>
      Object.entries(this.#schema).flatMap(([name, { fields, tagKeys }]) =>
        wanted(name) ? [{ name, fields: new Map(Object.entries(fields)), tagKeys: [...tagKeys] }] : [],
      );
  }

  #plan(): LivePlan {
    const statement = parse(this.text)[0] as SelectStatement;
    const now = BigInt(this.nowMs) * 1_000_000n;
    const context = { database: 'db', defaultRetentionPolicy: 'autogen', now, schemas: this.#schemas()! };
    return livePlan(statement, planSelect(statement, context));
  }

  #shardOf({ measurement, tags }: Row, shards: number): number {
    return [...JSON.stringify([measurement, tags])].reduce((sum, c) => sum + c.charCodeAt(0), 0) % shards;
  }

  #start(live: LivePlan, floor: { watermark: bigint | null; rev: number }): LiveHomeStage {
    this.#stages = this.shards.map((shard) => new LiveStages(shard));
    this.#operators = this.#stages.map((stages) => stages.open(structuredClone(live)));
    const home = openHome(live, this.shards.length);
    home.raise(floor);
    for (const [s, operator] of this.#operators.entries()) home.accept(s, structuredClone(operator.start(this.nowMs)));
    return home;
  }

  #accept(s: number, input: LiveInput): void {
    const operator = this.#operators[s];
    if (operator instanceof LiveView) {
      this.#stages[s].accept(input, this.nowMs, ++this.#sequence, (_, error) => {
        throw error;
      });
    } else operator.accept(input, this.nowMs);
  }

  #tell(all: boolean): void {
    for (const [s, operator] of this.#operators.entries()) {
      if (!(operator instanceof LiveView) && !all && !operator.due(this.nowMs)) continue;
      this.#collect(s, operator);
    }
    this.#take(this.home.advance(this.nowMs));
    this.#recompute();
    if (this.#connected) {
      const positions = this.home.settled ? [...this.#spoken] : this.#cursor.positions;
      this.#cursor = { positions, watermark: this.home.resumesAt, rev: this.home.rev };
    }
    const before = this.home.expiredBefore;
    if (before !== null) for (const operator of this.#operators) operator.expire(before);
    const from = this.home.wantedFrom;
    if (from === null) return;
    for (const operator of this.#operators) if (operator instanceof LiveLeaves) operator.reach(from);
  }

  /** What late rows have changed long after its end. */
  #recompute(): void {
    for (let windows = this.home.takeWanted(); windows !== null; windows = this.home.takeWanted()) {
      for (const [s, operator] of this.#operators.entries()) {
        this.#collect(s, operator);
        this.home.accept(s, structuredClone((operator as LiveShard).windows(windows)));
      }
      this.#take(this.home.recomputed());
    }
  }

  #collect(s: number, operator: LiveStage): void {
    if (operator instanceof LiveView) operator.stream.seal(this.nowMs);
    const update = operator.collect(this.nowMs);
    if (update === null) return;
    this.home.accept(s, structuredClone(update));
    this.#spoken[s] = this.#log[s].length;
  }

  #take(emissions: readonly Emission[]): void {
    for (const { tables, ...rest } of emissions) this.told.push(textOf({ ...rest, series: seriesOf(tables) }));
    if (!this.#connected) return;
    for (const { tables, final, rev, gone, late } of emissions) {
      if (late) {
        for (const { name, tags, columns, values } of tables.flatMap((table) => seriesOf([table]))) {
          for (const row of values) {
            const fields = columns.slice(1).filter((_, c) => row[c + 1] !== null);
            const key = JSON.stringify([name, tags, fields, `${row[0]}`]);
            this.late.set(key, (this.late.get(key) ?? 0) + 1);
          }
        }
        continue;
      }
      if (gone?.from != null) {
        const from = Number(gone.from - NOW_NS) / 1e9;
        for (const key of this.held.keys()) if (Number(key.split(' ').at(-1)) >= from) this.held.delete(key);
      }
      for (const [key, rows] of rowsOf(seriesOf(tables))) {
        if (gone) {
          this.held.delete(key);
          continue;
        }
        this.held.set(key, { rows, final, rev });
        if (!final) {
          this.provisional++;
          continue;
        }
        const identity = `${key} rev ${rev}`;
        expect(this.#finals.get(identity) ?? String(rows), `two values of ${identity}`).to.equal(String(rows));
        this.#finals.set(identity, String(rows));
      }
    }
  }
}

/** Rows as LiveText gives them, by series and time. */
export function inOrder(rows: ReadonlyMap<string, readonly string[]>): (readonly [string, readonly string[]])[] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}

// private functions

function textOf(value: object): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}

function rowsOf(
  answer: readonly { name?: string; tags?: Record<string, string>; values: Value[][] }[],
): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const { name, tags, values } of answer) {
    for (const [time, ...rest] of values) {
      const key = `${name}${JSON.stringify(tags ?? {})} ${(Number(time) - Number(NOW_NS)) / 1e9}`;
      rows.set(key, [...(rows.get(key) ?? []), rest.map((value) => `${value}`).join(' ')]);
    }
  }
  return rows;
}
