/**
 * ArraySource: a Source over rows in arrays, and a reader of line-protocol-like texts into such rows, for tests of query/. A row
 * written twice is merged field by field, as storage does. Blocks hold few rows and come in no particular order. No escapes.
 */
import {
  type Block,
  type Column,
  compareText,
  type FieldType,
  type MeasurementSchema,
  OFFSET_MAX,
  parseSeriesKey,
  type SeriesTable,
  seriesKey,
  type Tags,
  type Value,
} from '../../../../model/index.ts';
import { ColumnBuilder, columnReader } from '../../../../query/runtime/source/columns.ts';
import type {
  FieldTotals,
  PinnableSource,
  PinnedRows,
  ScanRequest,
  TakeTotals,
  Totals,
} from '../../../../query/runtime/source/source.ts';

export interface Row {
  readonly measurement: string;
  readonly tags: Tags;
  readonly time: bigint;
  readonly fields: Readonly<Record<string, { type: FieldType; value: NonNullable<Value> }>>;
}

interface Stored {
  readonly series: number;
  readonly time: bigint;
  readonly fields: Map<string, NonNullable<Value>>;
}

class Table implements SeriesTable {
  readonly keys: string[] = [];
  readonly #numbers = new Map<string, number>();
  get size(): number {
    return this.keys.length;
  }
  number(key: string): number {
    let n = this.#numbers.get(key);
    if (n === undefined) this.#numbers.set(key, (n = this.keys.push(key) - 1));
    return n;
  }
  key(series: number): string {
    return this.keys[series];
  }
  tag(series: number, key: string): string {
    return parseSeriesKey(this.keys[series]).find(([k]) => k === key)?.[1] ?? '';
  }
  tagKeys(): string[] {
    return [...new Set(this.keys.flatMap((key) => parseSeriesKey(key).map(([k]) => k)))].sort(compareText);
  }
}

interface Measurement {
  readonly table: Table;
  readonly types: Map<string, FieldType>;
  readonly rows: Map<string, Stored>;
}

export class ArraySource implements PinnableSource {
  readonly #measurements = new Map<string, Measurement>();
  readonly #blockRows: number;

  constructor(rows: Iterable<Row>, blockRows = 3) {
    this.#blockRows = blockRows;
    for (const row of rows) this.#store(row);
  }

  describe(_database: string, _policy: string, wanted: (name: string) => boolean): MeasurementSchema[] {
    return [...this.#measurements]
      .filter(([name]) => wanted(name))
      .sort(([a], [b]) => compareText(a, b))
      .map(([name, { table, types }]) => ({ name, fields: types, tagKeys: table.tagKeys() }));
  }

  series(_database: string, _policy: string, measurement: string): SeriesTable | null {
    return this.#measurements.get(measurement)?.table ?? null;
  }

  *scan(request: ScanRequest): Generator<Block> {
    const found = this.#measurements.get(request.measurement);
    if (found === undefined) return;
    const rows = [...found.rows.values()].filter(
      ({ time, series }) =>
        time >= request.minTime && time <= request.maxTime && (request.series === null || request.series[series] === 1),
    );
    for (let from = 0, to = 0; from < rows.length; from = to) {
      const isNear = ({ time }: Stored): boolean => Math.abs(Number(time - rows[from].time)) <= OFFSET_MAX;
      while (to < rows.length && to < from + this.#blockRows && isNear(rows[to])) to++;
      yield block(rows.slice(from, to), found.types);
    }
  }

  pin(request: ScanRequest): PinnedRows | null {
    if (!this.#measurements.has(request.measurement)) return null;
    return {
      scan: ({ min, max }, series, take) =>
        notTaken(this.scan({ ...request, minTime: min, maxTime: max, series }), take),
      extents: ({ min, max }, series, each) => {
        for (const { rows, base, offsets } of this.scan({ ...request, minTime: min, maxTime: max, series })) {
          const times = Array.from(offsets.subarray(0, rows), (offset) => base + BigInt(offset)).sort((a, b) =>
            Number(a - b),
          );
          each(times[0], times[rows - 1], rows);
        }
      },
      release: () => {},
    };
  }

  /** More rows, as a shard applies them: by measurement, with the numbers of those that are not newer than all of their series. */
  apply(
    rows: Iterable<Row>,
  ): { readonly measurement: string; readonly block: Block; readonly late: Uint32Array | null }[] {
    const applied = new Map<string, { rows: Stored[]; late: number[] }>();
    for (const row of rows) {
      const held = this.#measurements.get(row.measurement);
      const number = held?.table.number(seriesKey(row.tags));
      const isLate =
        held !== undefined && [...held.rows.values()].some((r) => r.series === number && r.time >= row.time);
      const series = this.#store(row);
      const { rows: stored, late } = applied.get(row.measurement) ?? { rows: [], late: [] };
      applied.set(row.measurement, { rows: stored, late });
      if (isLate) late.push(stored.length);
      const fields = new Map(Object.entries(row.fields).map(([name, { value }]) => [name, value]));
      stored.push({ series, time: row.time, fields });
    }
    return [...applied].map(([measurement, { rows: stored, late }]) => ({
      measurement,
      block: block(stored, this.#measurements.get(measurement)!.types),
      late: late.length > 0 ? Uint32Array.from(late) : null,
    }));
  }

  // private functions

  /** Gives the number of its series. */
  #store({ measurement, tags, time, fields }: Row): number {
    let found = this.#measurements.get(measurement);
    if (found === undefined) {
      found = { table: new Table(), types: new Map(), rows: new Map() };
      this.#measurements.set(measurement, found);
    }
    const series = found.table.number(seriesKey(tags));
    const key = `${series} ${time}`;
    const stored = found.rows.get(key) ?? { series, time, fields: new Map() };
    for (const [name, { type, value }] of Object.entries(fields)) {
      found.types.set(name, type);
      stored.fields.set(name, value);
    }
    found.rows.set(key, stored);
    return series;
  }
}

/** `m,tag=a field=1i,other="x" 1000`, one per line; blank lines are left out. */
export function rowsOf(text: string): Row[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, head, fields, time] = /^(\S+) (.*) (-?\d+)$/.exec(line)!;
      const pairs = fields.match(/[^,=]+=(?:"[^"]*"|[^,]*)/g) ?? [];
      const [measurement, ...tags] = head.split(',');
      return {
        measurement,
        tags: tags.map((tag) => tag.split('=') as [string, string]),
        time: BigInt(time),
        fields: Object.fromEntries(
          pairs.map((pair) => {
            const [name] = pair.split('=', 1);
            return [name, fieldOf(pair.slice(name.length + 1))];
          }),
        ),
      };
    });
}

// private functions

/** Blocks of one series are offered by their totals first. */
function* notTaken(blocks: Iterable<Block>, take: TakeTotals | undefined): Generator<Block> {
  for (const block of blocks) {
    const isSingle = new Set(block.series.subarray(0, block.rows)).size === 1;
    if (take === undefined || !isSingle || !take(totalsOf(block))) yield block;
  }
}

function totalsOf({ rows, series, base, offsets, columns }: Block): Totals {
  const order = Array.from({ length: rows }, (_, row) => row).sort((a, b) => offsets[a] - offsets[b]);
  const fields = new Map<string, FieldTotals>();
  for (const [name, column] of columns) {
    const read = columnReader(column);
    const found = order.flatMap((row) => {
      const value = read(row);
      return typeof value === 'number' || typeof value === 'bigint' ? [{ offset: offsets[row], value }] : [];
    });
    const present = order.filter((row) => read(row) !== null).length;
    if (present === 0) continue;
    const values = found.map(({ value }) => value);
    const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const isFloat = column.type === 'float';
    const exact = isFloat ? null : values.reduce<bigint>((sum, value) => sum + BigInt(value), 0n);
    const isNumber = values.length > 0;
    fields.set(name, {
      type: column.type,
      count: present,
      min: isNumber ? sorted[0] : null,
      max: isNumber ? sorted[sorted.length - 1] : null,
      // a sum of floats is left out where its rounding would show
      sum: !isNumber ? null : exact === null ? (values.length === 1 ? values[0] : null) : exact,
      sumRest: 0,
      first: isNumber ? found[0] : null,
      last: isNumber ? found[found.length - 1] : null,
    });
  }
  const [minTime, maxTime] = [order[0], order[rows - 1]].map((row) => base + BigInt(offsets[row]));
  return { series: series[0], rows, minTime, maxTime, base, fields };
}

function fieldOf(text: string): { type: FieldType; value: NonNullable<Value> } {
  if (text.startsWith('"')) return { type: 'string', value: text.slice(1, -1) };
  if (text === 'true' || text === 'false') return { type: 'boolean', value: text === 'true' };
  if (!/[iu]$/.test(text)) return { type: 'float', value: Number(text) };
  const wide = BigInt(text.slice(0, -1));
  const value = Number.isSafeInteger(Number(wide)) ? Number(wide) : wide;
  return { type: text.endsWith('u') ? 'unsigned' : 'integer', value };
}

function block(rows: Stored[], types: ReadonlyMap<string, FieldType>): Block {
  const base = rows[0].time;
  const columns = new Map<string, Column>();
  for (const [name, type] of types) {
    const builder = new ColumnBuilder(type);
    for (const { fields } of rows) builder.push(fields.get(name) ?? null);
    columns.set(name, builder.finish());
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
