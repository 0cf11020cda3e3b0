/**
 * Reads the members of a `rows` frame (server/queries/answers made them) without parsing values: every row stays the text it was,
 * so that integers beyond 2^53 survive and a row that waits costs its own length. Used for slow readers only.
 */

export interface RowsMembers {
  readonly phase: string;
  /** Texts as they stood: `true`, `3`. */
  readonly final: string;
  readonly rev: string;
  readonly series: readonly SeriesMembers[];
}

export interface SeriesMembers {
  /** All but the values: `"name":…,"tags":…,"columns":…`. */
  readonly head: string;
  readonly rows: readonly RowText[];
}

export interface RowText {
  /** First value: the time, which with its series names the row. */
  readonly time: string;
  /** `[…]` */
  readonly text: string;
}

const decoder = new TextDecoder();

export function readRowsMembers(members: Uint8Array): RowsMembers {
  const text = `{${decoder.decode(members)}}`;
  const found = { phase: '', final: 'true', rev: '0', series: [] as SeriesMembers[] };
  eachMember(text, 0, (name, from, to) => {
    if (name === 'series') eachElement(text, from, (at) => found.series.push(readSeries(text, at)));
    else if (name === 'phase') found.phase = text.slice(from + 1, to - 1);
    else if (name === 'final' || name === 'rev') found[name] = text.slice(from, to);
  });
  return found;
}

// private functions

function readSeries(text: string, at: number): SeriesMembers {
  const head: string[] = [];
  const rows: RowText[] = [];
  eachMember(text, at, (name, from, to) => {
    if (name !== 'values') head.push(`"${name}":${text.slice(from, to)}`);
    else {
      eachElement(text, from, (start, end) => {
        const comma = valueEnd(text, start + 1);
        rows.push({ time: text.slice(start + 1, comma), text: text.slice(start, end) });
      });
    }
  });
  return { head: head.join(','), rows };
}

/** Members of the object that begins at `at`: name and extent of each value. */
function eachMember(text: string, at: number, member: (name: string, from: number, to: number) => void): void {
  let p = at + 1;
  while (text[p] === '"') {
    const nameEnd = valueEnd(text, p);
    const to = valueEnd(text, nameEnd + 1);
    member(text.slice(p + 1, nameEnd - 1), nameEnd + 1, to);
    p = text[to] === ',' ? to + 1 : to;
  }
}

function eachElement(text: string, at: number, element: (from: number, to: number) => void): void {
  let p = at + 1;
  while (p < text.length && text[p] !== ']') {
    const to = valueEnd(text, p);
    element(p, to);
    p = text[to] === ',' ? to + 1 : to;
  }
}

/** One past the value that begins at `from`, in compact JSON. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      do {
        i = text.indexOf('"', i + 1);
        if (i < 0) return text.length;
      } while (escaped(text, i));
      if (depth === 0) return i + 1;
    } else if (c === 0x5b || c === 0x7b) depth++;
    else if (c === 0x5d || c === 0x7d) {
      if (depth === 0) return i;
      if (--depth === 0) return i + 1;
    } else if (c === 0x2c && depth === 0) return i;
  }
  return text.length;
}

function escaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text[quote - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
}
