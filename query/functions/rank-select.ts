/**
 * The item at a place of an order, without putting the others in order (quickselect, three ways, so that many equal items cost no
 * more than few). In steps, as it may be asked of all values that a query holds. Numbers of which only the value counts are put in their
 * places themselves, in a tenth of the time.
 */

/** Comparisons of one step: about a millisecond. */
const STEP_COMPARISONS = 65_536;
/** As few are sorted sooner. */
const SORTED_MAX = 32;

/**
 * Gives the items 0 … count − 1 so that the one at `rank` is the one that stands there in order, those before it are not after it, and
 * those behind it not before. Yields null between steps.
 */
export function* selectRank(
  count: number,
  rank: number,
  compare: (a: number, b: number) => number,
): Generator<null, Uint32Array> {
  const items = new Uint32Array(count);
  for (let i = 0; i < count; i++) items[i] = i;
  if (count <= SORTED_MAX) return items.sort(compare);
  let done = 0;
  let seed = 1;
  for (let from = 0, to = count - 1; from < to; ) {
    // any item would do; one that is not always at the same place, as values often come in order
    seed = (seed * 48_271) % 2_147_483_647;
    const pivot = items[from + (seed % (to - from + 1))];
    let below = from;
    let above = to;
    for (let i = from; i <= above; ) {
      const order = compare(items[i], pivot);
      if (order < 0) swap(items, below++, i++);
      else if (order > 0) swap(items, i, above--);
      else i++;
      if (++done % STEP_COMPARISONS === 0) yield null;
    }
    if (rank < below) to = below - 1;
    else if (rank > above) from = above + 1;
    else break;
  }
  return items;
}

/** The same of numbers, none of them NaN: they are put in these places themselves. */
export function* selectNumber(numbers: Float64Array, rank: number): Generator<null, void> {
  let looked = 0;
  let step = STEP_COMPARISONS;
  let seed = 1;
  for (let from = 0, to = numbers.length - 1; from < to; ) {
    seed = (seed * 48_271) % 2_147_483_647;
    const pivot = numbers[from + (seed % (to - from + 1))];
    let below = from;
    let above = to;
    while (below <= above) {
      while (numbers[below] < pivot) below++;
      while (numbers[above] > pivot) above--;
      if (below > above) break;
      const number = numbers[below];
      numbers[below++] = numbers[above];
      numbers[above--] = number;
      if (looked + below - from + to - above < step) continue;
      step += STEP_COMPARISONS;
      yield null;
    }
    looked += to - from;
    // what lies between the two equals the pivot
    if (rank <= above) to = above;
    else if (rank >= below) from = below;
    else return;
  }
}

// private functions

function swap(items: Uint32Array, a: number, b: number): void {
  const item = items[a];
  items[a] = items[b];
  items[b] = item;
}
