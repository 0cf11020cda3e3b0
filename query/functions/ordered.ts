/**
 * The order of items that have to be compared: sorted in parts, which are merged. In steps, as a million items take seconds.
 */

/** Items sorted, or merged, in one step: some milliseconds where texts are compared. */
const STEP_ITEMS = 4_096;

/** The items 0 … count − 1 in order, equal ones as they stand. Yields null between steps. */
export function* ordered(count: number, compare: (a: number, b: number) => number): Generator<null, Uint32Array> {
  let order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  for (let from = 0; from < count; from += STEP_ITEMS) {
    order.subarray(from, from + STEP_ITEMS).sort(compare);
    if (from + STEP_ITEMS < count) yield null;
  }
  for (let width = STEP_ITEMS; width < count; width *= 2) {
    const merged = new Uint32Array(count);
    for (let from = 0, at = 0; from < count; from += 2 * width) {
      const middle = Math.min(from + width, count);
      const end = Math.min(from + 2 * width, count);
      for (let a = from, b = middle; at < end; at++) {
        const takesLeft = b === end || (a < middle && compare(order[a], order[b]) <= 0);
        merged[at] = takesLeft ? order[a++] : order[b++];
        if (at % STEP_ITEMS === STEP_ITEMS - 1) yield null;
      }
    }
    order = merged;
  }
  return order;
}

/** By item, its place in the order; equal items have one place. */
export function* ranked(count: number, compare: (a: number, b: number) => number): Generator<null, Uint32Array> {
  const order = yield* ordered(count, compare);
  const ranks = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const isEqual = i > 0 && compare(order[i], order[i - 1]) === 0;
    ranks[order[i]] = isEqual ? ranks[order[i - 1]] : i;
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield null;
  }
  return ranks;
}
