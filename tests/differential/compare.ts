/**
 * Whether two answers are the same. Texts that are equal are; else they are read with their numbers as they are spelled: those that
 * differ must be floats within a relative tolerance, as sums may be added in another order. Another spelling of the same number, another
 * order of keys, series or rows is a difference. Rows of one time in one series of the answer come out of InfluxDB in an order that hangs
 * on its heap of iterators (and with it on shards and cores), so they are compared as a set; where LIMIT or OFFSET cuts through such
 * rows, which of them are left is as arbitrary. So is the order of the series of an integral, which come in pieces.
 */

/** Relative; sums over some thousand values in another order stay far below. */
const TOLERANCE = 1e-12;

/** From here on whole floats are compared as floats: below it their last digits are whole. */
const WHOLE_MAX = 2 ** 52;

/** What of an answer is arbitrary. */
export interface Arbitrary {
  /** Which rows of its first and of its last time it has. */
  readonly cut?: boolean;
  /** The order of its series, and in how many pieces each comes. */
  readonly series?: boolean;
}

/** null = the same; else where they part, in a line. */
export function difference(theirs: string, ours: string, arbitrary: Arbitrary = {}): string | null {
  if (theirs === ours) return null;
  const [a, b] = [theirs, ours].map(documents);
  for (const document of [...a, ...b]) normalise(document, arbitrary);
  if (a.length !== b.length) return `documents: ${a.length} / ${b.length}`;
  for (const [i, document] of a.entries()) {
    const found = compare(document, b[i], a.length > 1 ? `${i}` : '');
    if (found !== null) return found;
  }
  return null;
}

// private functions

class Spelled {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** One document, or one a line where the answer comes in chunks; what is no JSON stays text. */
function documents(text: string): unknown[] {
  try {
    return [JSON.parse(text, spelled)];
  } catch {
    // a document that is pretty begins at the margin and goes on behind it
    const lines = text.split(/\n(?=[{\n]|[^\s}]|$)/).filter((line) => line.trim() !== '');
    return lines.map((line) => {
      try {
        return JSON.parse(line, spelled);
      } catch {
        return line;
      }
    });
  }
}

function spelled(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? new Spelled(context?.source ?? String(value)) : value;
}

/** Rows of one time, and series, in an order of their own. */
function normalise(tree: unknown, arbitrary: Arbitrary): void {
  if (!isTree(tree)) return;
  const { columns, values, series } = tree;
  if (arbitrary.series && Array.isArray(series)) tree.series = together(series);
  if (Array.isArray(columns) && columns[0] === 'time' && Array.isArray(values)) {
    const rows = values as unknown[][];
    const keys = new Map(rows.map((row) => [row, [show(row[0]), JSON.stringify(row, rounded), show(row)]]));
    const edges = [rows[0], rows[rows.length - 1]].map((row) => keys.get(row)![0]);
    let start = 0;
    for (let i = 1; i <= rows.length; i++) {
      if (i < rows.length && keys.get(rows[i])![0] === keys.get(rows[start])![0]) continue;
      const run = rows.slice(start, i).sort((x, y) => compareKeys(keys.get(x)!, keys.get(y)!));
      const isAny = arbitrary.cut && edges.includes(keys.get(rows[start])![0]);
      rows.splice(start, run.length, ...run.map((row) => (isAny ? [row[0]] : row)));
      start = i;
    }
    return;
  }
  for (const inner of Object.values(tree)) normalise(inner, arbitrary);
}

/** Of rows of one time: those that are alike but for their last digits stand in the order of these. */
function compareKeys(a: readonly string[], b: readonly string[]): number {
  const at = a[1] === b[1] ? 2 : 1;
  return a[at] < b[at] ? -1 : 1;
}

/** Series by their names and tags, the pieces of each as one with its rows by time. */
function together(pieces: Record<string, unknown>[]): Record<string, unknown>[] {
  const whole = new Map<string, Record<string, unknown>>();
  for (const piece of pieces) {
    const head = JSON.stringify([piece.name, piece.tags]);
    const there = whole.get(head);
    if (there === undefined) whole.set(head, piece);
    else there.values = [...(there.values as unknown[]), ...(piece.values as unknown[])];
  }
  for (const piece of whole.values()) {
    if (Array.isArray(piece.values)) piece.values.sort((x, y) => (show(x) < show(y) ? -1 : 1));
  }
  return [...whole].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, piece]) => piece);
}

/** So that floats that differ in their last digits stand at the same place among rows of one time. */
function rounded(_key: string, value: unknown): unknown {
  if (!(value instanceof Spelled)) return value;
  const { source } = value;
  const number = Number(source);
  return /[.e]/.test(source) || Number.isSafeInteger(number) ? number.toPrecision(10) : source;
}

function compare(a: unknown, b: unknown, at: string): string | null {
  if (a instanceof Spelled && b instanceof Spelled) {
    return a.source === b.source || close(a.source, b.source) ? null : `${at}: ${a.source} / ${b.source}`;
  }
  if (a instanceof Spelled || b instanceof Spelled || !isTree(a) || !isTree(b)) {
    return Object.is(a, b) ? null : `${at}: ${show(a)} / ${show(b)}`;
  }
  const [keysA, keysB] = [Object.keys(a), Object.keys(b)];
  if (Array.isArray(a) !== Array.isArray(b)) return `${at}: ${show(a)} / ${show(b)}`;
  for (const key of keysA) {
    if (!keysB.includes(key)) return `${at}.${key}: ${show(a[key])} / missing`;
    const found = compare(a[key], b[key], `${at}.${key}`);
    if (found !== null) return found;
  }
  if (keysB.length > keysA.length) {
    const more = keysB.find((key) => !keysA.includes(key))!;
    return `${at}.${more}: missing / ${show(b[more])}`;
  }
  return keysA.join() === keysB.join() ? null : `${at}: keys ${keysA.join()} / ${keysB.join()}`;
}

function close(a: string, b: string): boolean {
  const [x, y] = [Number(a), Number(b)];
  const float = /[.e]/.test(a) || /[.e]/.test(b) || Math.abs(x) > WHOLE_MAX;
  return float && x !== y && Math.abs(x - y) <= TOLERANCE * Math.max(Math.abs(x), Math.abs(y));
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  const plain = (_key: string, v: unknown): unknown => (v instanceof Spelled ? `#${v.source}` : v);
  return (JSON.stringify(value, plain) ?? 'undefined').slice(0, 200);
}
