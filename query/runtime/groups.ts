/** GroupTable: numbers for groups in the order in which they are met, and their order in an answer. Groups are never forgotten. */
import { compareText } from '../../model/index.ts';
import type { Group } from './partial.ts';

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
    if (this.#ranks.length === this.groups.length) return this.#ranks;
    const order = this.groups.map((_, i) => i).sort((a, b) => compareGroups(this.groups[a], this.groups[b]));
    const ranks = new Uint32Array(order.length);
    for (let i = 0; i < order.length; i++) ranks[order[i]] = i;
    this.#ranks = ranks;
    return ranks;
  }
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

// private functions

function groupKey(group: Group): string {
  return JSON.stringify([group.name, group.tags]);
}
