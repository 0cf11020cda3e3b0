/**
 * The values of a result column as JSON: one function per column is made before the rows are walked, so that no row asks what type it
 * has. Integers are exact whatever their size; floats are as Go prints them in JSON, which is how JavaScript prints
 * them but for minus zero; NaN and infinities, which JSON lacks, are null.
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { Presence } from '../../../model/index.ts';
import type { ResultColumn, ResultTable } from '../../../query/index.ts';
import type { JsonBytes } from './json-bytes.ts';
import { timeCell } from './json-times.ts';

/** Writes the value of a row. */
export type WriteCell = (row: number) => void;

/** What Go's encoder escapes: `<`, `>` and `&` too, so that JSON can stand inside HTML; and lone surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these
const SPECIAL = /[\u0000-\u001f"\\<>&\u2028\u2029\ud800-\udfff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these
const ESCAPED = /[\u0000-\u001f"\\<>&\u2028\u2029]|\p{Cs}/gu;
const SHORT: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text as a JSON string, escaped as Go escapes it. */
export function jsonText(text: string): string {
  return SPECIAL.test(text) ? `"${text.replace(ESCAPED, escapeUnit)}"` : `"${text}"`;
}

/** Made once for a table: its rows may be written in any cuts. */
export function jsonCells(table: ResultTable, epoch: Epoch | null, out: JsonBytes): WriteCell[] {
  return table.data.map((column) => jsonCell(column, epoch, out));
}

/** Of one column; `epoch` is for times. */
export function jsonCell(column: ResultColumn, epoch: Epoch | null, out: JsonBytes): WriteCell {
  switch (column.type) {
    case 'time':
      return timeCell(column, epoch, out);
    case 'float': {
      const { values } = column;
      return orNull(column.present, out, (row) => out.float(values[row]));
    }
    case 'integer':
    case 'unsigned': {
      const { values } = column;
      if (!(values instanceof Float64Array)) return orNull(column.present, out, (row) => out.text(String(values[row])));
      return orNull(column.present, out, (row) => out.integer(values[row]));
    }
    case 'boolean': {
      const { values } = column;
      return orNull(column.present, out, (row) => out.text(values[row] === 0 ? 'false' : 'true'), column.instead);
    }
    case 'string': {
      const { values, dictionary } = column;
      const texts: string[] = [];
      const cell = (row: number): void => out.text((texts[values[row]] ??= jsonText(dictionary.get(values[row]))));
      return orNull(column.present, out, cell, column.instead);
    }
  }
}

// private functions

function orNull(present: Presence, out: JsonBytes, cell: WriteCell, instead?: number | bigint): WriteCell {
  if (present === null) return cell;
  const nothing = instead === undefined ? 'null' : String(instead);
  return (row) => {
    if (present[row] === 0) out.text(nothing);
    else cell(row);
  };
}

function escapeUnit(unit: string): string {
  const short = SHORT[unit];
  if (short !== undefined) return short;
  const code = unit.charCodeAt(0);
  return code >= 0xd800 && code < 0xe000 ? '\\ufffd' : `\\u${code.toString(16).padStart(4, '0')}`;
}
