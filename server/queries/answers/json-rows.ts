/**
 * Raw rows as InfluxDB's JSON, written on the shard that has them (query/runtime/row-texts.ts): `[time,…],` row by row, the same bytes
 * that json.ts makes of tables. What tags say is written once for each series.
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { Column } from '../../../model/index.ts';
import type { OrderedRows, Plan, WriteRows } from '../../../query/index.ts';
import { jsonCell, jsonText } from './cells.ts';
import { JsonBytes } from './json-bytes.ts';
import { timeCell } from './json-times.ts';

/** Texts that are made at once, about: rows of long texts are not many at a time. */
const TEXTS_BYTES_MAX = 2 * 1024 * 1024;
/** Rows after which it is guessed how many bytes all of them take. */
const ROWS_GUESSED_BY = 32;
const GUESS_ROOM = 1.1;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** `plan` shows rows (showsRows). */
export function jsonRows({ zone, outputs }: Plan, epoch: Epoch | null): WriteRows {
  const shown = outputs.map(({ expression }) => (expression.kind === 'column' ? expression.index : -1));
  const out = new JsonBytes();
  return (rows) => {
    const { base, offsets } = rows;
    const time = timeCell({ type: 'time', base, offsets, ...(zone && { zone }) }, epoch, out);
    const write = partsOf(rows.columns, shown).map((part) => writerOf(part, rows, out));
    const ends = new Uint32Array(offsets.length);
    let count = 0;
    let timeFrom = 0;
    let timeTo = 0;
    while (count < offsets.length && out.length < TEXTS_BYTES_MAX) {
      out.byte(OPEN);
      if (count > 0 && offsets[count] === offsets[count - 1]) out.again(timeFrom, timeTo);
      else {
        timeFrom = out.length;
        time(count);
        timeTo = out.length;
      }
      for (let p = 0; p < write.length; p++) write[p](count);
      out.byte(CLOSE);
      out.byte(COMMA);
      ends[count++] = out.length;
      if (count === ROWS_GUESSED_BY) {
        const all = Math.min(TEXTS_BYTES_MAX, (out.length / count) * offsets.length);
        out.reserve(Math.ceil((all - out.length) * GUESS_ROOM));
      }
    }
    return { bytes: out.release(), ends: ends.slice(0, count) };
  };
}

// private functions

/** Outputs next to each other that are written together: tags, whole numbers of which no row lacks one, or one of another kind. */
interface Part {
  readonly of: 'tags' | 'wholes' | 'field';
  readonly columns: number[];
}

/** Writes a comma and a value, for each column of a part, of the i-th row. */
type WritePart = (i: number) => void;

function partsOf(columns: OrderedRows['columns'], shown: readonly number[]): Part[] {
  const parts: Part[] = [];
  for (const column of shown) {
    const last = parts.at(-1);
    const of = kindOf(columns[column]);
    if (last?.of === of && of !== 'field') last.columns.push(column);
    else parts.push({ of, columns: [column] });
  }
  return parts;
}

function kindOf(column: Column | null): Part['of'] {
  if (column === null) return 'tags';
  const isWhole = column.type === 'integer' || column.type === 'unsigned';
  return isWhole && column.present === null && column.values instanceof Float64Array ? 'wholes' : 'field';
}

function writerOf({ of, columns }: Part, rows: OrderedRows, out: JsonBytes): WritePart {
  if (of === 'tags') return tagsWriter(columns, rows, out);
  const { rows: order } = rows;
  if (of === 'wholes') {
    const values = columns.map((column) => rows.columns[column]!.values as Float64Array);
    return (i) => out.integers(values, order[i]);
  }
  const cell = jsonCell(rows.columns[columns[0]]!, null, out);
  return (i) => {
    out.byte(COMMA);
    cell(order[i]);
  };
}

function tagsWriter(columns: readonly number[], { series, tags }: OrderedRows, out: JsonBytes): WritePart {
  const known: Uint8Array[] = [];
  const bytesOf = (number: number): Uint8Array => {
    const texts = new JsonBytes();
    for (const column of columns) {
      const tag = tags[column][number];
      texts.byte(COMMA);
      texts.text(tag === null ? 'null' : jsonText(tag));
    }
    return texts.take();
  };
  return (i) => {
    known[series[i]] ??= bytesOf(series[i]);
    out.bytes(known[series[i]]);
  };
}
