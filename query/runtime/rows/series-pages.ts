/**
 * SeriesPages: a number for each series of a table that was met, in pages. What it takes hangs on how many are met and how far they lie
 * apart, not on how many the table has: a query of one series among a million makes one page, wherever that series stands.
 */

/** Of a series that has no number. */
export const UNKNOWN = -2;

const PAGE_BITS = 9;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

export class SeriesPages {
  /** From page `#first` on. */
  #pages: (Int32Array | undefined)[] = [];
  #first = 0;

  of(series: number): number {
    const at = (series >>> PAGE_BITS) - this.#first;
    // no other index may be looked at: it would be looked up as a name
    const page = at >= 0 && at < this.#pages.length ? this.#pages[at] : undefined;
    return page === undefined ? UNKNOWN : page[series & PAGE_MASK];
  }

  set(series: number, number: number): void {
    const at = this.#reach(series >>> PAGE_BITS);
    this.#pages[at] ??= new Int32Array(1 << PAGE_BITS).fill(UNKNOWN);
    this.#pages[at][series & PAGE_MASK] = number;
  }

  // private functions

  /** Place of a page in the list, which is made so long that it is there; towards the front by half at least, as all of it moves. */
  #reach(page: number): number {
    const pages = this.#pages;
    if (pages.length === 0) this.#first = page;
    if (page < this.#first) {
      const more = Math.max(this.#first - page, Math.min(this.#first, pages.length));
      this.#pages = [...new Array<undefined>(more).fill(undefined), ...pages];
      this.#first -= more;
    }
    const at = page - this.#first;
    while (this.#pages.length <= at) this.#pages.push(undefined);
    return at;
  }
}
