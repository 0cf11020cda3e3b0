/**
 * Values of rows that stand anywhere in a list of sources (chunks of a head, blocks of buckets), as columns of their own in the order
 * asked for. A row's place is its source's number · CHUNK_ROWS + the row in it.
 */
import type { Column, StringColumn } from '../../model/index.ts';
import { ByteTable } from '../head/byte-table.ts';
import { CHUNK_BITS, CHUNK_ROWS } from '../head/chunk.ts';

/** A row that stands in several sources: a field that the first has not is looked for in the others. */
export interface Double {
  /** Index in the places. */
  readonly row: number;
  /** Its other places, in this order. */
  readonly others: readonly number[];
}

export class RowValues {
  readonly #sources: readonly ReadonlyMap<string, Column>[];
  readonly #fields: ReadonlySet<string>;

  constructor(sources: readonly ReadonlyMap<string, Column>[]) {
    this.#sources = sources;
    this.#fields = new Set(sources.flatMap((columns) => [...columns.keys()]));
  }

  /** Columns of the rows at `places`; fields that none of them has are left out. */
  columns(places: Uint32Array, doubles: readonly Double[] = []): Map<string, Column> {
    const columns = new Map<string, Column>();
    for (const field of this.#fields) {
      const sources = this.#sources.map((source) => source.get(field) ?? null);
      const column = gather(sources, doubles.length === 0 ? places : withDoubles(sources, places, doubles));
      if (column !== null) columns.set(field, column);
    }
    return columns;
  }
}

// private functions

type Source = Column | null;

/** The places where this field's values are. */
function withDoubles(sources: readonly Source[], places: Uint32Array, doubles: readonly Double[]): Uint32Array {
  const found = places.slice();
  for (const { row, others } of doubles) {
    for (let i = 0; i < others.length && !hasValue(sources, found[row]); i++) found[row] = others[i];
  }
  return found;
}

function hasValue(sources: readonly Source[], place: number): boolean {
  const source = sources[place >>> CHUNK_BITS];
  return source !== null && (source.present === null || source.present[place & (CHUNK_ROWS - 1)] === 1);
}

/** null where no row has a value. */
function gather(sources: readonly Source[], places: Uint32Array): Column | null {
  const type = sources.find((source) => source !== null)!.type;
  const present = presence(sources, places);
  if (present !== null && !present.includes(1)) return null;
  switch (type) {
    case 'float':
      return { type, values: plain(new Float64Array(places.length), sources, places), present };
    case 'boolean':
      return { type, values: plain(new Uint8Array(places.length), sources, places), present };
    case 'integer':
      if (!isWide(sources)) return { type, values: plain(new Float64Array(places.length), sources, places), present };
      return { type, values: wide(new BigInt64Array(places.length), sources, places, present), present };
    case 'unsigned':
      if (!isWide(sources)) return { type, values: plain(new Float64Array(places.length), sources, places), present };
      return { type, values: wide(new BigUint64Array(places.length), sources, places, present), present };
    case 'string':
      return texts(sources, places, present);
  }
}

function presence(sources: readonly Source[], places: Uint32Array): Uint8Array | null {
  if (sources.every((source) => source !== null && source.present === null)) return null;
  const present = new Uint8Array(places.length);
  let count = 0;
  for (let i = 0; i < places.length; i++) {
    const source = sources[places[i] >>> CHUNK_BITS];
    if (source === null) continue;
    present[i] = source.present === null ? 1 : source.present[places[i] & (CHUNK_ROWS - 1)];
    count += present[i];
  }
  return count === places.length ? null : present;
}

/** Rows without a value get whatever stands there. */
function plain<T extends Float64Array | Uint8Array>(target: T, sources: readonly Source[], places: Uint32Array): T {
  const arrays = sources.map((source) => source?.values as Float64Array | undefined);
  for (let i = 0; i < places.length; i++) {
    const values = arrays[places[i] >>> CHUNK_BITS];
    if (values !== undefined) target[i] = values[places[i] & (CHUNK_ROWS - 1)];
  }
  return target;
}

function isWide(sources: readonly Source[]): boolean {
  return sources.some((source) => source?.values instanceof BigInt64Array || source?.values instanceof BigUint64Array);
}

function wide<T extends BigInt64Array | BigUint64Array>(
  target: T,
  sources: readonly Source[],
  places: Uint32Array,
  present: Uint8Array | null,
): T {
  for (let i = 0; i < places.length; i++) {
    if (present !== null && present[i] === 0) continue;
    target[i] = BigInt(sources[places[i] >>> CHUNK_BITS]!.values[places[i] & (CHUNK_ROWS - 1)]);
  }
  return target;
}

function texts(sources: readonly Source[], places: Uint32Array, present: Uint8Array | null): StringColumn {
  const table = new ByteTable();
  /** Text of a chunk → number in the table: parts are small, dictionaries of chunks may be large. */
  const numbers = new Map<number, number>();
  const values = new Uint32Array(places.length);
  for (let i = 0; i < places.length; i++) {
    if (present !== null && present[i] === 0) continue;
    const chunk = places[i] >>> CHUNK_BITS;
    const source = sources[chunk] as StringColumn;
    const text = source.values[places[i] & (CHUNK_ROWS - 1)];
    const key = chunk * 2 ** 32 + text;
    let number = numbers.get(key);
    if (number === undefined) {
      number = table.intern(source.dictionary, text);
      numbers.set(key, number);
    }
    values[i] = number;
  }
  return { type: 'string', values, dictionary: table.dictionary(), present };
}
