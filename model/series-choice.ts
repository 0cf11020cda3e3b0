/** Choices among the series of a table, as a mask where they are many and as a list where they are few. */

/**
 * Which series of a table: a mask has 1 at the numbers wanted and is at least as long as the table; a list has the numbers, ascending,
 * and is for few; null = all.
 */
export type SeriesChoice = Uint8Array | Uint32Array | null;

/** `size`: of the mask; beyond every number of the list. */
export function maskOf(list: Uint32Array, size: number): Uint8Array {
  const mask = new Uint8Array(size);
  for (const series of list) mask[series] = 1;
  return mask;
}

export function listOf(mask: Uint8Array): Uint32Array {
  let count = 0;
  for (const wanted of mask) count += wanted;
  const list = new Uint32Array(count);
  let at = 0;
  for (let series = 0; series < mask.length; series++) if (mask[series] === 1) list[at++] = series;
  return list;
}

/** How many of a table's series are chosen. */
export function countChosen(choice: SeriesChoice, size: number): number {
  if (choice === null) return size;
  if (choice instanceof Uint32Array) return choice.length;
  let count = 0;
  for (let series = 0; series < size; series++) count += choice[series];
  return count;
}
