/**
 * How far a long transfer is, on stderr: a bar that is drawn over where that is a terminal, and one line of text at the end in any case.
 */

/** Faster nobody reads it. */
const DRAW_MS = 200;
const BAR_WIDTH = 24;

export class Progress {
  /** Bytes to come, where that is known. */
  total: number | null;
  readonly #what: string;
  readonly #began = performance.now();
  #bytes = 0;
  #drawn = 0;

  constructor(what: string, total: number | null = null) {
    this.#what = what;
    this.total = total;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#drawn < DRAW_MS) return;
    this.#drawn = now;
    process.stderr.write(`\r${this.#line()}\x1b[K`);
  }

  /** `told`: what it came to. */
  end(told = ''): void {
    const over = process.stderr.isTTY ? '\r\x1b[K' : '';
    process.stderr.write(`${over}${this.#line()}${told === '' ? '' : `, ${told}`}\n`);
  }

  // private functions

  #line(): string {
    const seconds = (performance.now() - this.#began) / 1000;
    const rate = `${sizeText(this.#bytes)} in ${seconds.toFixed(1)} s`;
    if (!process.stderr.isTTY || this.total === null || this.total === 0) return `${this.#what}: ${rate}`;
    const part = Math.min(1, this.#bytes / this.total);
    const bar = '█'.repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
    return `${this.#what}: ${bar} ${Math.round(part * 100)} %, ${rate}`;
  }
}

/** Of bytes: `532 B`, `1.2 MB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
