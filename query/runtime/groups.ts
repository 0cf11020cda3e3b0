/** GroupTable: numbers for groups in the order in which they are met, and their order in an answer. Groups are never forgotten. */
import { compareText } from '../../model/index.ts';
import type { Group } from './partial.ts';

/** Sorted, or merged, in one step. */
const STEP_GROUPS = 4_096;

export class GroupTable {
  readonly groups: Group[] = [];
  readonly #numbers = new Map<string, number>();
  #ranks = new Uint32Array(0);

  /** The number of a group, new if need be. */
  number(group: Group): number {
    const key = groupKey(group);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.groups.length;
      this.groups.push(group);
      this.#numbers.set(key, number);
    }
    return number;
  }

  /** −1 = never met. */
  find(group: Group): number {
    return this.#numbers.get(groupKey(group)) ?? -1;
  }

  /** By group number, its place in the order of an answer. To be read, not changed. */
  ranks(): Uint32Array {
    for (const _ of this.rank());
    return this.#ranks;
  }

  /** Finds what `ranks` gives, in steps of few milliseconds: a million groups are sorted for seconds. */
  *rank(): Generator<void> {
    const { groups } = this;
    const count = groups.length;
    if (this.#ranks.length === count) return;
    const compare = (a: number, b: number): number => compareGroups(groups[a], groups[b]);
    let order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let from = 0; from < count; from += STEP_GROUPS) {
      order.subarray(from, from + STEP_GROUPS).sort(compare);
      if (from + STEP_GROUPS < count) yield;
    }
    for (let width = STEP_GROUPS; width < count; width *= 2) {
      const merged = new Uint32Array(count);
      for (let from = 0, at = 0; from < count; from += 2 * width) {
        const middle = Math.min(from + width, count);
        const end = Math.min(from + 2 * width, count);
        for (let a = from, b = middle; at < end; at++) {
          const takesLeft = b === end || (a < middle && compare(order[a], order[b]) <= 0);
          merged[at] = takesLeft ? order[a++] : order[b++];
          if (at % STEP_GROUPS === STEP_GROUPS - 1) yield;
        }
      }
      order = merged;
    }
    const ranks = new Uint32Array(count);
    for (let i = 0; i < count; i++) ranks[order[i]] = i;
    this.#ranks = ranks;
  }
}

export function groupKey(group: Group): string {
  return JSON.stringify([group.name, group.tags]);
}

/** By measurement, then by tag values in the order of the plan's keys. */
export function compareGroups(a: Group, b: Group): number {
  const names = compareText(a.name, b.name);
  if (names !== 0) return names;
  for (let i = 0; i < a.tags.length; i++) {
    const tags = compareText(a.tags[i], b.tags[i]);
    if (tags !== 0) return tags;
  }
  return 0;
}
