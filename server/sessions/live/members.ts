/**
 * Reads the members of a `rows` frame (server/queries/answers made them) without parsing values: every row stays the text it was,
 * so that integers beyond 2^53 survive and a row that waits costs its own length: each text is made from its own bytes, as a piece of
 * a longer text would keep all of that in memory. Used for slow readers only.
 */

export interface RowsMembers {
  readonly phase: string;
  /** Texts as they stood: `true`, `3`. */
  readonly final: string;
  readonly rev: string;
  readonly series: readonly SeriesMembers[];
}

/** Stands for a series' head where rows name their series by number. */
export const REFS = 'refs';

export interface SeriesMembers {
  /** All but the values: `"name":…,"tags":…,"columns":…`; or REFS. */
  readonly head: string;
  /** The number that the series has from now on; -1 = none. */
  readonly ref: number;
  readonly rows: readonly RowText[];
}

export interface RowText {
  /** First value: the time, which with its series names the row; behind the series' number where it has one. */
  readonly time: string;
  /** `[…]` */
  readonly text: string;
}

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export function readRowsMembers(members: Uint8Array): RowsMembers {
  const bytes = Buffer.from(members.buffer, members.byteOffset, members.byteLength);
  const found = { phase: '', final: 'true', rev: '0', series: [] as SeriesMembers[] };
  eachMember(bytes, 0, (name, from, to) => {
    if (name === 'series') eachElement(bytes, from, (at) => found.series.push(readSeries(bytes, at)));
    else if (name === REFS) found.series.push({ head: REFS, ref: -1, rows: readRows(bytes, from, 2) });
    else if (name === 'phase') found.phase = bytes.toString('utf8', from + 1, to - 1);
    else if (name === 'final' || name === 'rev') found[name] = bytes.toString('utf8', from, to);
  });
  return found;
}

// private functions

function readSeries(bytes: Buffer, at: number): SeriesMembers {
  const head: string[] = [];
  let ref = -1;
  let rows: RowText[] = [];
  eachMember(bytes, at + 1, (name, from, to) => {
    if (name === 'values') rows = readRows(bytes, from, 1);
    else if (name === 'ref') ref = Number(bytes.toString('latin1', from, to));
    else head.push(`"${name}":${bytes.toString('utf8', from, to)}`);
  });
  // joined texts share their parts; this is one of its own
  return { head: Buffer.from(head.join(',')).toString(), ref, rows };
}

/** Rows whose first so many values name them. */
function readRows(bytes: Buffer, from: number, names: number): RowText[] {
  const rows: RowText[] = [];
  eachElement(bytes, from, (start, end) => {
    let to = start;
    for (let i = 0; i < names; i++) to = valueEnd(bytes, to + 1);
    rows.push({ time: bytes.toString('utf8', start + 1, to), text: bytes.toString('utf8', start, end) });
  });
  return rows;
}

/** Members of an object, the first of which begins at `at`: name and extent of each value. */
function eachMember(bytes: Buffer, at: number, member: (name: string, from: number, to: number) => void): void {
  let p = at;
  while (bytes[p] === QUOTE) {
    const nameEnd = valueEnd(bytes, p);
    const to = valueEnd(bytes, nameEnd + 1);
    member(bytes.toString('utf8', p + 1, nameEnd - 1), nameEnd + 1, to);
    p = bytes[to] === COMMA ? to + 1 : to;
  }
}

function eachElement(bytes: Buffer, at: number, element: (from: number, to: number) => void): void {
  let p = at + 1;
  while (p < bytes.length && bytes[p] !== CLOSE_BRACKET) {
    const to = valueEnd(bytes, p);
    element(p, to);
    p = bytes[to] === COMMA ? to + 1 : to;
  }
}

/** One past the value that begins at `from`, in compact JSON. */
function valueEnd(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let i = from; i < bytes.length; i++) {
    const c = bytes[i];
    if (c === QUOTE) {
      do {
        i = bytes.indexOf(QUOTE, i + 1);
        if (i < 0) return bytes.length;
      } while (escaped(bytes, i));
      if (depth === 0) return i + 1;
    } else if (c === OPEN_BRACKET || c === OPEN_BRACE) depth++;
    else if (c === CLOSE_BRACKET || c === CLOSE_BRACE) {
      if (depth === 0) return i;
      if (--depth === 0) return i + 1;
    } else if (c === COMMA && depth === 0) return i;
  }
  return bytes.length;
}

function escaped(bytes: Buffer, quote: number): boolean {
  let slashes = 0;
  while (bytes[quote - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
