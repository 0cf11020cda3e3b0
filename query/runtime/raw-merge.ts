/**
 * Stage 2 of a raw plan: merges the sorted rows of all shards by (group, time, series) into tables. It pulls: a step either asks for
 * the next partial of one shard or gives a table, so that one algorithm serves callers that wait and callers that do not.
 */
import { compareText, type Value } from '../../model/index.ts';
import type { Plan } from '../planner/plan.ts';
import { columnReader, revived } from './columns.ts';
import { compareGroups } from './groups.ts';
import type { Group, RowsPartial } from './partial.ts';
import type { ResultTable } from './result.ts';
import { SeriesWindow } from './table-writer.ts';
import { rowWriter } from './transform-rows.ts';

/** A number: give the next partial of that shard (null at its end) to `next`. */
export type MergeStep = number | ResultTable;

/** Where one shard stands. */
interface Head {
  readonly partial: RowsPartial;
  readonly read: readonly ((row: number) => Value)[];
  row: number;
  time: bigint;
}

export function* mergeRows(plan: Plan, shards: number): Generator<MergeStep, void, RowsPartial | null> {
  const sign = plan.descending ? -1 : 1;
  const heads: (Head | null)[] = [];
  for (let s = 0; s < shards; s++) heads.push(headOf(yield s));
  const writer = rowWriter(plan);
  const wanted = new SeriesWindow(plan);
  const values: Value[] = new Array(plan.columns.length).fill(null);
  for (;;) {
    const group = firstGroup(heads, sign);
    if (group === null) return;
    const admitted = wanted.admits(group);
    writer.start(group);
    for (;;) {
      const s = firstRow(heads, group, sign);
      if (s < 0) break;
      const head = heads[s]!;
      const leftOut = !admitted || writer.full;
      if (!leftOut) {
        for (let c = 0; c < values.length; c++) values[c] = head.read[c](head.row);
        yield* writer.add(head.time, values);
      }
      head.row = leftOut ? head.partial.rows : head.row + 1;
      if (head.row === head.partial.rows) heads[s] = headOf(yield s);
      else head.time = head.partial.base + BigInt(head.partial.offsets[head.row]);
    }
    yield* writer.finish();
  }
}

// private functions

function headOf(partial: RowsPartial | null): Head | null {
  if (partial === null) return null;
  const read = partial.columns.map((column) => columnReader(revived(column)));
  return { partial, read, row: 0, time: partial.base + BigInt(partial.offsets[0]) };
}

function firstGroup(heads: readonly (Head | null)[], sign: number): Group | null {
  let first: Group | null = null;
  for (const head of heads) {
    if (head === null) continue;
    if (first === null || compareGroups(head.partial.group, first) * sign < 0) first = head.partial.group;
  }
  return first;
}

/** The shard whose row comes next in the group, −1 = none has one. */
function firstRow(heads: readonly (Head | null)[], group: Group, sign: number): number {
  let first = -1;
  for (let s = 0; s < heads.length; s++) {
    const head = heads[s];
    if (head === null || compareGroups(head.partial.group, group) !== 0) continue;
    if (first < 0 || compareRows(head, heads[first]!) * sign < 0) first = s;
  }
  return first;
}

function compareRows(a: Head, b: Head): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return compareText(keyOf(a), keyOf(b));
}

function keyOf({ partial, row }: Head): string {
  return partial.seriesKeys[partial.series[row]];
}
