/**
 * A series' number in a bucket by its key: a search in the first keys of the sections, which are kept in memory, then a walk through one
 * section as it is stored. Keys stand in the order of their bytes.
 */
import type { TextDictionary } from '../../model/index.ts';

/** What is searched. */
export interface SortedKeys {
  /** The first key of each section. */
  firstKeys(): TextDictionary;
  /** The last of all, alone; of no meaning where there are no sections. */
  lastKey(): TextDictionary;
  /** A key's place among those of a section, −1 = it is none of them. */
  placeIn(section: number, key: Uint8Array): number;
  /** Series of every section but the last. */
  readonly sectionSeries: number;
}

/** −1 = the bucket does not have it. */
export function findSeries(keys: SortedKeys, key: Uint8Array): number {
  const firsts = keys.firstKeys();
  const section = lastNotAbove(firsts, key);
  if (section < 0 || (section === firsts.size - 1 && compareAt(keys.lastKey(), 0, key) < 0)) return -1;
  const place = keys.placeIn(section, key);
  return place < 0 ? -1 : section * keys.sectionSeries + place;
}

// private functions

/** Index of the last text that is not greater than `key`, −1 = all are. */
function lastNotAbove(texts: TextDictionary, key: Uint8Array): number {
  let low = 0;
  let high = texts.size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAt(texts, middle, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function compareAt({ bytes, offsets }: TextDictionary, text: number, key: Uint8Array): number {
  const from = offsets[text];
  const length = offsets[text + 1] - from;
  const common = Math.min(length, key.length);
  for (let i = 0; i < common; i++) {
    const difference = bytes[from + i] - key[i];
    if (difference !== 0) return difference;
  }
  return length - key.length;
}
