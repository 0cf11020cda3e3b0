/** A chart of dots: each character of the terminal is 2 × 4 dots of Unicode's braille. Pure: numbers in, lines of text out. */

/** One colour of the terminal's own per trace, so that it fits light and dark. */
export const TRACE_COLORS: readonly string[] = [36, 33, 35, 32, 31, 34, 96, 93].map((code) => `\x1b[${code}m`);

const RESET = '\x1b[0m';
const AXIS_WIDTH = 10;
const BRAILLE = 0x2800;
/** Bit of the dot at [row][column] of a character. */
const DOTS: readonly (readonly [number, number])[] = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

export interface DotTrace {
  readonly values: readonly (number | null)[];
}

/** `rows` lines of at most `columns` characters: the axis with its values, the dots, and a line of times below. */
export function brailleChart(
  times: readonly number[],
  traces: readonly DotTrace[],
  columns: number,
  rows: number,
): string[] {
  const width = Math.max(8, columns - AXIS_WIDTH - 1);
  const height = Math.max(2, rows - 1);
  const [low, high] = bounds(traces);
  const cells = new Uint8Array(width * height);
  const owner = new Uint8Array(width * height);
  const from = times[0];
  const span = times[times.length - 1] - from || 1;
  traces.forEach((trace, t) => {
    let before: [number, number] | null = null;
    trace.values.forEach((value, i) => {
      if (value === null) {
        before = null;
        return;
      }
      const x = Math.round(((times[i] - from) / span) * (width * 2 - 1));
      const y = Math.round(((high - value) / (high - low)) * (height * 4 - 1));
      for (const [px, py] of dotsBetween(before ?? [x, y], [x, y])) {
        const cell = (py >> 2) * width + (px >> 1);
        cells[cell] |= DOTS[py & 3][px & 1];
        owner[cell] = t;
      }
      before = [x, y];
    });
  });
  const lines: string[] = [];
  for (let row = 0; row < height; row++) {
    const value = high - ((high - low) * row) / (height - 1);
    const label = row === 0 || row === height - 1 || row === height >> 1 ? axisText(value) : '';
    lines.push(`${label.padStart(AXIS_WIDTH - 2)} ┤${dotLine(cells, owner, row, width)}`);
  }
  const first = clock(times[0]);
  const last = clock(times[times.length - 1]);
  lines.push(`${' '.repeat(AXIS_WIDTH)}${first}${last.padStart(width - first.length)}`);
  return lines;
}

// private functions

function bounds(traces: readonly DotTrace[]): [number, number] {
  let low = 0;
  let high = Number.NEGATIVE_INFINITY;
  for (const { values } of traces) {
    for (const value of values) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return high > low ? [low, high] : [low, low + 1];
}

function* dotsBetween(
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
): Generator<[number, number]> {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
  for (let step = 0; step <= steps; step++) {
    yield [Math.round(x0 + ((x1 - x0) * step) / steps), Math.round(y0 + ((y1 - y0) * step) / steps)];
  }
}

function dotLine(cells: Uint8Array, owner: Uint8Array, row: number, width: number): string {
  let line = '';
  let color = -1;
  for (let x = 0; x < width; x++) {
    const cell = cells[row * width + x];
    if (cell !== 0 && owner[row * width + x] !== color) {
      color = owner[row * width + x];
      line += TRACE_COLORS[color % TRACE_COLORS.length];
    }
    line += cell === 0 ? ' ' : String.fromCharCode(BRAILLE + cell);
  }
  return color < 0 ? line : line + RESET;
}

function axisText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))}G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
