/**
 * The values of a result column as texts of JSON: one function per column is made before the rows are walked, so that no row asks
 * what type it has. Integers are exact whatever their size; floats are as Go prints them in JSON, which is how JavaScript prints
 * them but for minus zero; NaN and infinities, which JSON lacks, are null.
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { Presence } from '../../../model/index.ts';
import type { ResultColumn, ResultTable } from '../../../query/index.ts';
import { epochTexts, rfcTexts } from './times.ts';

export type CellText = (row: number) => string;

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

export function floatText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  return Number.isFinite(value) ? String(value) : 'null';
}

export function jsonCells(table: ResultTable, epoch: Epoch | null): CellText[] {
  return table.data.map((column) => jsonCell(column, epoch));
}

// private functions

function jsonCell(column: ResultColumn, epoch: Epoch | null): CellText {
  switch (column.type) {
    case 'time':
      return epoch === null ? rfcTexts(column) : epochTexts(column, epoch);
    case 'float': {
      const { values } = column;
      return orNull(column.present, (row) => floatText(values[row]));
    }
    case 'integer':
    case 'unsigned': {
      const { values } = column;
      if (!(values instanceof Float64Array)) return orNull(column.present, (row) => String(values[row]));
      // a whole double may stand beyond 2^53 in a sum: its exact digits, never an exponent
      return orNull(column.present, (row) => {
        const value = values[row];
        return Math.abs(value) < 1e21 ? String(value === 0 ? 0 : value) : String(BigInt(value));
      });
    }
    case 'boolean': {
      const { values } = column;
      return orNull(column.present, (row) => (values[row] === 0 ? 'false' : 'true'));
    }
    case 'string': {
      const { values, dictionary } = column;
      const texts: string[] = [];
      return orNull(column.present, (row) => (texts[values[row]] ??= jsonText(dictionary.get(values[row]))));
    }
  }
}

function orNull(present: Presence, cell: CellText): CellText {
  return present === null ? cell : (row) => (present[row] === 0 ? 'null' : cell(row));
}

function escapeUnit(unit: string): string {
  const short = SHORT[unit];
  if (short !== undefined) return short;
  const code = unit.charCodeAt(0);
  return code >= 0xd800 && code < 0xe000 ? '\\ufffd' : `\\u${code.toString(16).padStart(4, '0')}`;
}
