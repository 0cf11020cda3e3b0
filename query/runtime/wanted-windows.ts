/**
 * WantedWindows: of a query that recomputes, the frozen windows into which late rows came: which wait to be computed again, by the groups
 * that the rows were of, and which shards have been asked for. It asks nobody.
 */
import { groupKey } from './live-cells.ts';
import type { LiveUpdate } from './live-update.ts';
import type { CellsPartial } from './partial.ts';
import type { AnswerWindows } from './window-times.ts';

/** Windows that are computed again at a time, and those that wait for it: rows for further ones are dropped. */
const AT_ONCE = 64;
export const RECOMPUTE_WINDOWS_MAX = 10_000;

/** null = all groups. */
type Keys = ReadonlySet<string> | null;

export class WantedWindows {
  readonly #windows: AnswerWindows;
  readonly #dropped: () => void;
  readonly #wanted = new Map<number, Set<string> | null>();
  #asked: ReadonlyMap<number, Keys> = new Map();

  /** `dropped`: a window was wanted, and too many waited. */
  constructor(windows: AnswerWindows, dropped: () => void) {
    this.#windows = windows;
    this.#dropped = dropped;
  }

  /** None waits, and none has been asked for. */
  get none(): boolean {
    return this.#wanted.size === 0 && this.#asked.size === 0;
  }

  /** `key` null = all groups. */
  want(window: number, key: string | null): void {
    const held = this.#wanted.get(window);
    if (held === undefined && this.#wanted.size >= RECOMPUTE_WINDOWS_MAX) this.#dropped();
    else if (held === undefined) this.#wanted.set(window, key === null ? null : new Set([key]));
    else if (key === null) this.#wanted.set(window, null);
    else held?.add(key);
  }

  /** Windows below `frozen` into which rows came, whether their cells were told or had not been read yet. */
  wantOld({ old, cells, touched }: LiveUpdate, frozen: number): void {
    const told = new Set<number>();
    for (const some of [old, cells]) {
      if (some == null) continue;
      this.#wantCells(some, frozen);
      for (const pane of some.window) told.add(pane);
    }
    for (const pane of touched.windows) {
      if (told.has(pane)) continue;
      const last = Math.min(this.#windows.lastWith(pane), frozen - 1);
      for (let n = this.#windows.firstWith(pane); n <= last; n++) this.want(n, null);
    }
  }

  /** Panes that all shards should give once more, and of how many windows; null = none, or some have been asked for. */
  ask(): { readonly panes: number[]; readonly windows: number } | null {
    if (this.#wanted.size === 0 || this.#asked.size > 0) return null;
    this.#asked = new Map([...this.#wanted].slice(0, AT_ONCE));
    const panes = new Set<number>();
    for (const n of this.#asked.keys()) {
      this.#wanted.delete(n);
      for (let pane = this.#windows.runFrom(n); pane < this.#windows.runTo(n); pane++) panes.add(pane);
    }
    return { panes: [...panes], windows: this.#asked.size };
  }

  /** The windows that were asked for have been given. */
  given(): ReadonlyMap<number, Keys> {
    const asked = this.#asked;
    this.#asked = new Map();
    return asked;
  }

  // private functions

  #wantCells({ groups, group, window }: CellsPartial, frozen: number): void {
    const keys = groups.map((one) => groupKey(this.#windows.answerGroup(one)));
    for (let i = 0; i < window.length; i++) {
      const last = Math.min(this.#windows.lastWith(window[i]), frozen - 1);
      for (let n = this.#windows.firstWith(window[i]); n <= last; n++) this.want(n, keys[group[i]]);
    }
  }
}
