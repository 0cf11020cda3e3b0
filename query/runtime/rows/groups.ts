/** GroupTable: numbers for groups in the order in which they are met, and their order in an answer. Groups are never forgotten. */
import { compareText } from '../../../model/index.ts';
import { ranked } from '../../functions/ordered.ts';
import type { Group } from '../source/partial.ts';
import type { Steps } from '../source/steps.ts';

export class GroupTable {
  readonly groups: Group[] = [];
  readonly #numbers = new Map<string, number>();
  #ranks: Uint32Array = new Uint32Array(0);

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

  /** Finds what `ranks` gives, in steps. */
  *rank(): Steps<void> {
    const { groups } = this;
    if (this.#ranks.length === groups.length) return;
    this.#ranks = yield* ranked(groups.length, (a, b) => compareGroups(groups[a], groups[b]));
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
