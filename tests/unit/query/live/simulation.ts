/**
 * A live query over shards in memory, with a clock that the test moves: `MemoryShard` is the head of a shard (a Source that applies
 * points and says which were not newer than their series), `Simulation` hosts the operators as the server does and keeps what a
 * client would have, checking on the way that no final row is sent with two values under one revision.
 */
import { expect } from 'chai';
import {
  type Block,
  type Column,
  type MeasurementSchema,
  type SeriesTable,
  seriesKey,
} from '../../../../model/index.ts';
import type { Fill } from '../../../../query/language/ast.ts';
import { WINDOW_TAG } from '../../../../query/planner/pane-windows.ts';
import type { AggregateName, Plan, PlanOutput } from '../../../../query/planner/plan.ts';
import { paneGrid, type TimeWindow } from '../../../../query/planner/plan-windows.ts';
import { historicalHome, shardNow } from '../../../../query/runtime/historical.ts';
import { LiveMerges } from '../../../../query/runtime/live/home/live-merges.ts';
import { pointTables } from '../../../../query/runtime/live/home/live-render.ts';
import type { LivePlan } from '../../../../query/runtime/live/live-plan.ts';
import type { Emission, LiveInput } from '../../../../query/runtime/live/live-update.ts';
import { LiveShard } from '../../../../query/runtime/live/shard/live-shard.ts';
import { DEFAULT_RULES, type TimeRules } from '../../../../query/runtime/live/watermark.ts';
import type { ResultTable } from '../../../../query/runtime/source/result.ts';
import type { ScanRequest, Source } from '../../../../query/runtime/source/source.ts';

export const SECOND = 1_000_000_000n;
/** A moment that starts a minute, ms and ns. */
export const NOW = 1_700_000_040_000;
export const AT = BigInt(NOW) * 1_000_000n;

export interface Point {
  readonly host: string;
  readonly time: bigint;
  /** Fields; all are floats. */
  readonly v?: number;
  readonly w?: number;
}

export function seconds(n: number): bigint {
  return BigInt(Math.round(n * 1000)) * 1_000_000n;
}

const TIMES = { min: -(2n ** 62n), max: 2n ** 62n };

interface PlanOptions {
  readonly aggregates?: readonly (readonly [AggregateName, string])[];
  readonly interval?: bigint | null;
  /** Windows beyond time(), in place of the interval; rows then have `_end`. */
  readonly beyond?: TimeWindow;
  readonly byHost?: boolean;
  readonly fill?: Fill;
  readonly min?: bigint;
  readonly max?: bigint;
  readonly rules?: Partial<TimeRules>;
}

/** `SELECT <aggregates> FROM m GROUP BY time(interval), host`; without aggregates `SELECT v, w FROM m`. */
export function planOf(options: PlanOptions): LivePlan {
  const { aggregates = [], interval = 10n * SECOND, byHost = true, beyond, fill, min, max } = options;
  const raw = aggregates.length === 0;
  const fields = new Map([['v', 'float'] as const, ['w', 'float'] as const]);
  const bounds = {
    min: min ?? TIMES.min,
    max: max ?? TIMES.max,
    minStated: min !== undefined,
    maxStated: max !== undefined,
    minFromNow: false,
    maxFromNow: false,
  };
  const grid = beyond === undefined ? null : paneGrid(beyond, { bounds, now: AT, zone: null });
  const keys = [...(byHost ? ['host'] : []), ...(beyond?.of === 'windows' ? [WINDOW_TAG] : [])];
  const end: PlanOutput = { name: '_end', expression: { kind: 'edge', of: 'end', type: 'integer' }, type: 'integer' };
  const plan: Plan = {
    kind: raw ? 'raw' : 'aggregate',
    sources: [
      { database: 'd', retentionPolicy: 'autogen', measurement: 'm', fields, tagKeys: ['host'], condition: null },
    ],
    bounds,
    groupBy: keys,
    ...(grid ?? { window: raw || interval === null ? null : { interval, origin: 0n } }),
    aggregates: aggregates.map(([name, field]) => ({
      name,
      field,
      type: 'float',
      result: name.startsWith('count') ? 'integer' : 'float',
      parameter: name === 'percentile' ? 90 : 0,
    })),
    columns: raw
      ? [
          { kind: 'field', name: 'v', type: 'float' },
          { kind: 'field', name: 'w', type: 'float' },
        ]
      : [],
    subqueries: [],
    transforms: [],
    shown: null,
    selector: false,
    timeName: 'time',
    outputs: [
      ...(raw ? ['v', 'w'] : aggregates.map(([name, field]) => `${name}_${field}`)).map(
        (name, index): PlanOutput => ({
          name,
          expression: { kind: 'column', index, type: name.startsWith('count') ? 'integer' : 'float' },
          type: name.startsWith('count') ? 'integer' : 'float',
        }),
      ),
      ...(beyond === undefined ? [] : [end]),
    ],
    fill: fill ?? { kind: 'null' },
    descending: false,
    limit: 0,
    offset: 0,
    seriesLimit: 0,
    seriesOffset: 0,
  };
  return { plan, rules: { ...DEFAULT_RULES, ...options.rules }, fills: fill !== undefined && fill.kind !== 'none' };
}

export class MemoryShard implements Source {
  readonly #keys: string[] = [];
  readonly #hosts: string[] = [];
  readonly #rows: Map<bigint, { v?: number; w?: number }>[] = [];
  readonly #newest: bigint[] = [];

  apply(points: readonly Point[]): LiveInput {
    const late: number[] = [];
    const series = points.map((point, row) => {
      const number = this.#number(point.host);
      if (this.#newest[number] !== undefined && point.time <= this.#newest[number]) late.push(row);
      else this.#newest[number] = point.time;
      const { v, w } = point;
      const row0 = this.#rows[number].get(point.time) ?? {};
      this.#rows[number].set(point.time, { v: v ?? row0.v, w: w ?? row0.w });
      return number;
    });
    const block = blockOf(points.map(({ time, v, w }, i) => ({ time, v, w, series: series[i] })));
    const name = { database: 'd', retentionPolicy: 'autogen', measurement: 'm' };
    return { ...name, block, late: late.length > 0 ? Uint32Array.from(late) : null };
  }

  describe(): MeasurementSchema[] {
    const fields = new Map([['v', 'float'] as const, ['w', 'float'] as const]);
    return [{ name: 'm', fields, tagKeys: ['host'] }];
  }

  series(): SeriesTable {
    const keys = this.#keys;
    const hosts = this.#hosts;
    return {
      get size() {
        return keys.length;
      },
      key: (n) => keys[n],
      tag: (n, key) => (key === 'host' ? hosts[n] : ''),
      tagKeys: () => ['host'],
    };
  }

  *scan(request: ScanRequest): Iterable<Block> {
    const rows: Row[] = [];
    for (const [series, held] of this.#rows.entries()) {
      if (request.series !== null && request.series[series] !== 1) continue;
      for (const [time, fields] of held) {
        if (time >= request.minTime && time <= request.maxTime) rows.push({ time, series, ...fields });
      }
    }
    const half = rows.length >> 1;
    for (const part of [rows.slice(half), rows.slice(0, half)]) if (part.length > 0) yield blockOf(part);
  }

  // private functions

  #number(host: string): number {
    let number = this.#hosts.indexOf(host);
    if (number < 0) {
      number = this.#hosts.push(host) - 1;
      this.#keys.push(seriesKey([['host', host]]));
      this.#rows.push(new Map());
    }
    return number;
  }
}

export interface Row {
  readonly time: bigint;
  readonly v?: number;
  readonly w?: number;
  readonly series: number;
}

export interface Seen {
  readonly final: boolean;
  readonly rev: number;
  /** Values behind the time; several rows one after the other. */
  readonly values: unknown[];
}

/** Stage 1 as the simulation hosts it. */
export type Operator = Pick<
  LiveShard,
  'start' | 'accept' | 'due' | 'collect' | 'expire' | 'history' | 'missed' | 'windows'
>;
export type OpenOperator = (live: LivePlan, shard: MemoryShard) => Operator;

const openAlone: OpenOperator = (live, shard) => new LiveShard(live, shard);

export class Simulation {
  readonly live: LivePlan;
  readonly shards: MemoryShard[];
  readonly #open: OpenOperator;
  operators: Operator[];
  merge: LiveMerges;
  readonly emissions: Emission[] = [];
  /** What a client holds: `host@seconds after AT` → last row. */
  readonly seen = new Map<string, Seen>();
  readonly #finals = new Map<string, string>();
  now = NOW;
  connected = true;
  /** What each shard has applied: its log. */
  readonly #log: LiveInput[][];
  /** How much of it was accepted when its operator last spoke, and of what a client's cursor knows. */
  #spoken: number[];
  #cursor: { positions: number[]; watermark: bigint | null; rev: number };

  constructor(live: LivePlan, shards = 1, history: readonly Point[] = [], open = openAlone) {
    this.live = live;
    this.#open = open;
    this.shards = Array.from({ length: shards }, () => new MemoryShard());
    for (const point of history) this.shards[this.shardOf(point.host)].apply([point]);
    this.operators = this.shards.map((shard) => open(live, shard));
    this.merge = new LiveMerges(live, shards);
    for (const [s, operator] of this.operators.entries())
      this.merge.accept(s, structuredClone(operator.start(this.now)));
    this.take(this.merge.subscribe(this.now).snapshot);
    this.#log = this.shards.map(() => []);
    this.#spoken = this.shards.map(() => 0);
    this.#cursor = { positions: [...this.#spoken], watermark: this.merge.watermark, rev: this.merge.rev };
  }

  /** The client goes away, and with `kill` the operators too; it comes back with the cursor of what it saw last. */
  reconnect(kill: boolean, meanwhile: () => void): void {
    const cursor = this.#cursor;
    this.connected = false;
    meanwhile();
    if (kill) {
      this.operators = this.shards.map((shard) => this.#open(this.live, shard));
      this.merge = new LiveMerges(this.live, this.shards.length);
      for (const [s, operator] of this.operators.entries()) this.merge.accept(s, operator.start(this.now));
      this.merge.raise(cursor);
    }
    for (const [s, operator] of this.operators.entries()) {
      const inputs = this.#log[s].slice(cursor.positions[s]);
      this.merge.accept(s, structuredClone(operator.missed(this.now, cursor.watermark, inputs)));
    }
    this.connected = true;
    this.take(this.merge.resume(cursor.watermark, this.now).missed);
    this.#cursor = {
      positions: this.merge.settled ? this.#log.map(({ length }) => length) : cursor.positions,
      watermark: this.merge.watermark,
      rev: this.merge.rev,
    };
  }

  shardOf(host: string): number {
    return [...host].reduce((sum, c) => sum + c.charCodeAt(0), 0) % this.shards.length;
  }

  /** Applies points in this order, in one batch per shard, and lets `due` shards speak. */
  write(...points: Point[]): void {
    for (const [s, shard] of this.shards.entries()) {
      const own = points.filter(({ host }) => this.shardOf(host) === s);
      if (own.length === 0) continue;
      const input = shard.apply(own);
      this.#log[s].push(input);
      this.operators[s].accept(input, this.now);
    }
    this.tell((operator) => operator.due(this.now));
  }

  /** Lets time pass, with the host's tick each second. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1000) {
      this.now += Math.min(left, 1000);
      this.tell(() => true);
    }
  }

  tell(wanted: (operator: Operator) => boolean): void {
    for (const [s, operator] of this.operators.entries()) {
      const update = wanted(operator) ? operator.collect(this.now) : null;
      if (update === null) continue;
      this.merge.accept(s, structuredClone(update));
      this.#spoken[s] = this.#log[s].length;
    }
    this.take(this.merge.advance(this.now));
    this.#complete();
    if (this.connected) {
      const positions = this.merge.settled ? [...this.#spoken] : this.#cursor.positions;
      this.#cursor = { positions, watermark: this.merge.watermark, rev: this.merge.rev };
    }
    const before = this.merge.expiredBefore;
    if (before !== null) for (const operator of this.operators) operator.expire(before);
  }

  /** Asks shards for the windows that not all of them have told. */
  #complete(): void {
    for (let panes = this.merge.takeWanted(); panes !== null; panes = this.merge.takeWanted()) {
      for (const [s, operator] of this.operators.entries()) {
        const update = operator.collect(this.now);
        if (update !== null) this.merge.accept(s, structuredClone(update));
        this.merge.accept(s, structuredClone(operator.windows(panes)));
        this.#spoken[s] = this.#log[s].length;
      }
      this.take(this.merge.recomputed());
      this.take(this.merge.advance(this.now));
    }
  }

  take(emissions: readonly Emission[]): void {
    if (!this.connected) return;
    for (const emission of emissions) {
      this.emissions.push(emission);
      for (const [key, values] of rowsOf(emission.tables)) {
        this.seen.set(key, { final: emission.final, rev: emission.rev, values });
        if (!emission.final || this.live.plan.kind === 'raw') continue;
        const identity = `${key} rev ${emission.rev}`;
        const text = String(values);
        expect(this.#finals.get(identity) ?? text, `two values of ${identity}`).to.equal(text);
        this.#finals.set(identity, text);
      }
    }
  }

  /** Emissions since the last call, without their tables' insides: `[final, rev, {key: values}]`. */
  heard(): [boolean, number, Record<string, unknown[]>][] {
    const heard = this.emissions.map(
      ({ final, rev, tables }) =>
        [final, rev, Object.fromEntries(rowsOf(tables))] as [boolean, number, Record<string, unknown[]>],
    );
    this.emissions.length = 0;
    return heard;
  }

  /** The same SELECT over history. */
  history(plan: Plan = this.live.plan): Map<string, unknown[]> {
    const runs = this.shards.map((shard) => [...shardNow(plan, shard)]);
    if (plan.kind === 'raw') {
      return rowsOf([
        ...pointTables(
          plan,
          runs.map((run) => run.filter((p) => p.kind === 'rows')),
        ),
      ]);
    }
    return rowsOf([...historicalHome(plan, runs.flat())]);
  }

  /** Final rows that the client holds. */
  finals(): Map<string, unknown[]> {
    return new Map([...this.seen].filter(([, { final }]) => final).map(([key, { values }]) => [key, values]));
  }
}

export function rowsOf(tables: readonly ResultTable[]): Map<string, unknown[]> {
  const rows = new Map<string, unknown[]>();
  for (const { tags, columns: names, data, rows: count } of tables) {
    const [time, ...columns] = data;
    const end = columns[names.indexOf('_end') - 1];
    for (let row = 0; row < count; row++) {
      if (time.type !== 'time') throw new Error('no time');
      const at = Number(time.base + BigInt(time.offsets[row]) - AT) / 1e9;
      const till = end === undefined ? '' : `-${Number(BigInt(cellValue(end as Column, row) as bigint) - AT) / 1e9}`;
      const key = `${tags === null ? '' : tags.map(([, value]) => value)}@${at}${till}`;
      rows.set(key, [...(rows.get(key) ?? []), ...columns.map((column) => cellValue(column as Column, row))]);
    }
  }
  return rows;
}

// private functions

function cellValue(column: Column, row: number): unknown {
  if (column.present !== null && column.present[row] === 0) return null;
  return column.type === 'string' ? column.dictionary.get(column.values[row]) : column.values[row];
}

function blockOf(rows: readonly Row[]): Block {
  const base = rows[0].time;
  const columns = new Map<string, Column>();
  for (const name of ['v', 'w'] as const) {
    const values = Float64Array.from(rows, (row) => row[name] ?? 0);
    columns.set(name, {
      type: 'float',
      values,
      present: Uint8Array.from(rows, (row) => Number(row[name] !== undefined)),
    });
  }
  return {
    rows: rows.length,
    series: Uint32Array.from(rows, ({ series }) => series),
    base,
    offsets: Float64Array.from(rows, ({ time }) => Number(time - base)),
    columns,
    selection: null,
  };
}
