/** What a shard says of many series as what it would say of each: for homes that keep a watermark for each series. */
import type { Plan } from '../../planner/plan.ts';
import { PaneStore } from '../cells/panes.ts';
import type { Group } from '../source/partial.ts';
import { groupKey } from './live-cells.ts';
import type { LiveUpdate } from './live-update.ts';
import { TIME_NONE } from './series-news.ts';

interface SeriesUpdate {
  readonly key: string;
  /** Points of it have come, or were read: what else there is of it was computed again beside others. */
  readonly isHeard: boolean;
  readonly update: LiveUpdate;
}

/** `answered`: the group of the answer from that of a cell. Counts of the shard stay with the whole. */
export function splitUpdate(update: LiveUpdate, plan: Plan, answered: (group: Group) => Group): SeriesUpdate[] {
  const { kind, touched, bySeries, cells } = update;
  const parts = new Map<string, { heard: number; cells: number[] }>();
  const partOf = (group: Group): { heard: number; cells: number[] } => {
    const key = groupKey(group);
    let part = parts.get(key);
    if (part === undefined) parts.set(key, (part = { heard: -1, cells: [] }));
    return part;
  };
  for (const [i, group] of (bySeries?.groups ?? []).entries()) partOf(answered(group)).heard = i;
  const store = new PaneStore({ ...plan, sources: [] });
  if (cells !== null) store.merge(cells);
  const cellGroups = cells?.groups.map((group) => partOf(answered(group)));
  for (let i = 0; i < (cells?.group.length ?? 0); i++) {
    const group = cells!.group[i];
    cellGroups![group].cells.push(store.find(cells!.groups[group], cells!.window[i]));
  }
  const rows = (bySeries?.groups ?? []).map(() => [] as number[]);
  for (const [i, group] of (bySeries?.touched.group ?? []).entries()) rows[group].push(i);
  return [...parts].map(([key, { heard, cells: own }]) => {
    const came = heard < 0 ? [] : rows[heard];
    const greatest = heard < 0 ? TIME_NONE : bySeries!.greatest[heard];
    return {
      key,
      isHeard: heard >= 0,
      update: {
        ...update,
        bySeries: null,
        reading: greatest === TIME_NONE ? null : { greatest, arrivalMs: bySeries!.arrivalMs[heard] },
        cells: own.length === 0 ? null : store.take(Int32Array.from(own)),
        // of history the windows that were asked for, whose cells these are
        touched:
          kind === 'history'
            ? touched
            : {
                windows: Float64Array.from(came, (i) => bySeries!.touched.window[i]),
                rows: Float64Array.from(came, (i) => bySeries!.touched.rows[i]),
              },
        complete: true,
      },
    };
  });
}
