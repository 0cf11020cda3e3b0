/**
 * The order in which InfluxDB's sort leaves points. It is not stable: which of several equal points ends up where hangs on where it
 * swaps them, and with it what `percentile` and `mode` choose among them. The sort is Go 1.19's pattern-defeating quicksort
 * (`sort.Sort`), which has no randomness, so the same steps over the same order give the same places.
 */

/** Runs up to this length are sorted by insertion, which keeps equal items in their order. */
const INSERTION_MAX = 12;
/** From here the pivot is a median of medians, and a run that is nearly in order is put in order by few shifts. */
const LONG = 50;
const SHIFTS_MAX = 5;
/** All comparisons of a pivot's choice came out "descending". */
const SWAPS_MAX = 12;
const WORD = 64;

/** Sorts in place. `less(a, b)`: whether item a is to stand before item b. */
export function sortUnstable(items: Uint32Array, less: (a: number, b: number) => boolean): void {
  new UnstableSort(items, less).sort(0, items.length, bitLength(items.length));
}

// private functions

class UnstableSort {
  readonly #items: Uint32Array;
  readonly #lessItem: (a: number, b: number) => boolean;
  /** Of the choice of a pivot under way. */
  #swaps = 0;

  constructor(items: Uint32Array, less: (a: number, b: number) => boolean) {
    this.#items = items;
    this.#lessItem = less;
  }

  /** Places [from, to); `limit`: bad pivots until the heap takes over. */
  sort(from: number, to: number, limit: number): void {
    let balanced = true;
    let partitioned = true;
    for (;;) {
      const length = to - from;
      if (length <= INSERTION_MAX || limit === 0) {
        if (length <= INSERTION_MAX) this.#insert(from, to);
        else this.#heap(from, to);
        return;
      }
      if (!balanced) {
        this.#breakPatterns(from, to);
        limit--;
      }
      let pivot = this.#pivot(from, to);
      const isDescending = this.#swaps === SWAPS_MAX;
      if (isDescending) {
        this.#items.subarray(from, to).reverse();
        pivot = to - 1 - (pivot - from);
      }
      const isAscending = isDescending || this.#swaps === 0;
      if (balanced && partitioned && isAscending && this.#insertFew(from, to)) return;
      if (from > 0 && !this.#less(from - 1, pivot)) {
        from = this.#partitionEqual(from, to, pivot);
        continue;
      }
      const { middle, already } = this.#partition(from, to, pivot);
      partitioned = already;
      const left = middle - from;
      const right = to - middle;
      balanced = Math.min(left, right) >= length >> 3;
      if (left < right) {
        this.sort(from, middle, limit);
        from = middle + 1;
      } else {
        this.sort(middle + 1, to, limit);
        to = middle;
      }
    }
  }

  // private functions

  #less(a: number, b: number): boolean {
    return this.#lessItem(this.#items[a], this.#items[b]);
  }

  #swap(a: number, b: number): void {
    const item = this.#items[a];
    this.#items[a] = this.#items[b];
    this.#items[b] = item;
  }

  #insert(from: number, to: number): void {
    for (let i = from + 1; i < to; i++) {
      for (let j = i; j > from && this.#less(j, j - 1); j--) this.#swap(j, j - 1);
    }
  }

  #heap(from: number, to: number): void {
    const length = to - from;
    for (let i = (length - 1) >> 1; i >= 0; i--) this.#sift(i, length, from);
    for (let i = length - 1; i >= 0; i--) {
      this.#swap(from, from + i);
      this.#sift(0, i, from);
    }
  }

  #sift(root: number, length: number, from: number): void {
    for (;;) {
      let child = 2 * root + 1;
      if (child >= length) return;
      if (child + 1 < length && this.#less(from + child, from + child + 1)) child++;
      if (!this.#less(from + root, from + child)) return;
      this.#swap(from + root, from + child);
      root = child;
    }
  }

  /** Three items of the middle change places with others, by a xorshift that begins at the length. */
  #breakPatterns(from: number, to: number): void {
    const length = to - from;
    let random = BigInt(length);
    const modulus = 1n << BigInt(bitLength(length));
    const middle = from + (length >> 2) * 2;
    for (let i = 0; i < 3; i++) {
      random = BigInt.asUintN(WORD, random ^ (random << 13n));
      random ^= random >> 17n;
      random = BigInt.asUintN(WORD, random ^ (random << 5n));
      const other = Number(random & (modulus - 1n));
      this.#swap(middle - 1 + i, from + (other >= length ? other - length : other));
    }
  }

  #pivot(from: number, to: number): number {
    const quarter = (to - from) >> 2;
    this.#swaps = 0;
    const places = [from + quarter, from + 2 * quarter, from + 3 * quarter];
    const [i, j, k] = to - from >= LONG ? places.map((at) => this.#median(at - 1, at, at + 1)) : places;
    return this.#median(i, j, k);
  }

  #median(a: number, b: number, c: number): number {
    if (this.#counted(b, a)) [a, b] = [b, a];
    if (this.#counted(c, b)) [b, c] = [c, b];
    return this.#counted(b, a) ? a : b;
  }

  #counted(a: number, b: number): boolean {
    const isLess = this.#less(a, b);
    if (isLess) this.#swaps++;
    return isLess;
  }

  /** Whether the run is in order behind a few shifts. */
  #insertFew(from: number, to: number): boolean {
    let i = from + 1;
    for (let step = 0; step < SHIFTS_MAX; step++) {
      while (i < to && !this.#less(i, i - 1)) i++;
      if (i === to) return true;
      if (to - from < LONG) return false;
      this.#swap(i, i - 1);
      if (i - from >= 2) for (let j = i - 1; j >= 1 && this.#less(j, j - 1); j--) this.#swap(j, j - 1);
      if (to - i >= 2) for (let j = i + 1; j < to && this.#less(j, j - 1); j++) this.#swap(j, j - 1);
    }
    return false;
  }

  /** Items equal to the pivot come first; where the others begin. */
  #partitionEqual(from: number, to: number, pivot: number): number {
    this.#swap(from, pivot);
    let i = from + 1;
    let j = to - 1;
    for (;;) {
      while (i <= j && !this.#less(from, i)) i++;
      while (i <= j && this.#less(from, j)) j--;
      if (i > j) return i;
      this.#swap(i++, j--);
    }
  }

  /** Where the pivot is then; `already`: nothing else had to move. */
  #partition(from: number, to: number, pivot: number): { middle: number; already: boolean } {
    this.#swap(from, pivot);
    let i = from + 1;
    let j = to - 1;
    for (let already = true; ; already = false) {
      while (i <= j && this.#less(i, from)) i++;
      while (i <= j && !this.#less(j, from)) j--;
      if (i > j) {
        this.#swap(j, from);
        return { middle: j, already };
      }
      this.#swap(i++, j--);
    }
  }
}

function bitLength(count: number): number {
  return 32 - Math.clz32(count);
}
