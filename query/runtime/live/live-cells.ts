/**
 * What stage 2 of a live query remembers of the cells it answers for: which there are, what was last sent of each and in which
 * revision. States are not here (they lie in one PaneStore per shard), nor is any rule of time.
 */
import type { Group } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';

export interface GroupCells {
  readonly group: Group;
  readonly key: string;
  readonly cells: Map<number, Cell>;
}

export interface Cell {
  readonly owner: GroupCells;
  readonly window: number;
  /** Its state or its neighbours' changed since it was last looked at. */
  dirty: boolean;
  /** It had rows of its own when last looked at; a cell without is filled, or vanished. */
  data: boolean;
  /** Rows last sent, as text; null = never sent. */
  sent: string | null;
  /** What was last sent was final. */
  final: boolean;
  /** Revision last sent. */
  rev: number;
}

export class LiveCells {
  readonly groups = new Map<string, GroupCells>();
  readonly windows = new Map<number, Set<Cell>>();
  readonly dirty = new Set<Cell>();
  size = 0;

  find(group: Group, window: number): Cell | undefined {
    return this.groups.get(groupKey(group))?.cells.get(window);
  }

  ensure(group: Group, window: number): Cell {
    const key = groupKey(group);
    let owner = this.groups.get(key);
    if (owner === undefined) this.groups.set(key, (owner = { group, key, cells: new Map() }));
    let cell = owner.cells.get(window);
    if (cell !== undefined) return cell;
    cell = { owner, window, dirty: false, data: false, sent: null, final: false, rev: 0 };
    owner.cells.set(window, cell);
    let inWindow = this.windows.get(window);
    if (inWindow === undefined) this.windows.set(window, (inWindow = new Set()));
    inWindow.add(cell);
    this.size++;
    return cell;
  }

  mark(cell: Cell): void {
    cell.dirty = true;
    this.dirty.add(cell);
  }

  clean(cell: Cell): void {
    cell.dirty = false;
    this.dirty.delete(cell);
  }

  delete(cell: Cell): void {
    this.clean(cell);
    if (!cell.owner.cells.delete(cell.window)) return;
    this.size--;
    if (cell.owner.cells.size === 0) this.groups.delete(cell.owner.key);
    const inWindow = this.windows.get(cell.window)!;
    inWindow.delete(cell);
    if (inWindow.size === 0) this.windows.delete(cell.window);
  }

  /** Forgets all windows below this one. */
  dropBefore(window: number): void {
    for (const [number, cells] of this.windows) {
      if (number < window) for (const cell of cells) this.delete(cell);
    }
  }

  /** The first window behind this one that has cells. */
  firstBeyond(window: number): number | null {
    let first: number | null = null;
    for (const number of this.windows.keys()) if (number > window && (first === null || number < first)) first = number;
    return first;
  }

  /** Cells of the windows in (after, upTo], by window, then as they came. */
  between(after: number, upTo: number): Cell[] {
    const numbers = [...this.windows.keys()].filter((n) => n > after && n <= upTo).sort((a, b) => a - b);
    return numbers.flatMap((n) => [...this.windows.get(n)!]);
  }
}

export function groupKey(group: Group): string {
  return group.tags.length === 0 ? group.name : JSON.stringify([group.name, ...group.tags]);
}

/** The key of the group that a finished table is about. */
export function tableKey(table: ResultTable): string {
  return groupKey({ name: table.name, tags: table.tags?.map(([, value]) => value) ?? [] });
}
