/**
 * WantedWindows: windows of a live query that can change no more by themselves and are computed again because late rows came (LATENESS …
 * RECOMPUTE), by the groups that those came for. Shards are asked for some at a time.
 */

import type { AnswerWindows } from '../../cells/window-times.ts';
import type { CellsPartial } from '../../source/partial.ts';
import { groupKey } from '../live-cells.ts';
import type { LiveUpdate } from '../live-update.ts';
import { ASKED_AT_ONCE } from '../told-panes.ts';

/** Windows that wait: rows for further ones are dropped. */
export const RECOMPUTE_WINDOWS_MAX = 10_000;

/** By window; null = all groups. */
type Groups = Map<number, Set<string> | null>;

export class WantedWindows {
  readonly #windows: AnswerWindows;
  readonly #waiting: Groups = new Map();
  /** Those that shards were asked for. */
  #asked: Groups = new Map();
  #dropped = 0;

  constructor(windows: AnswerWindows) {
    this.#windows = windows;
  }

  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  get isAsking(): boolean {
    return this.#asked.size > 0;
  }

  /** `key` null = all groups. */
  want(window: number, key: string | null): void {
    const held = this.#waiting.get(window);
    if (held === undefined && this.#waiting.size >= RECOMPUTE_WINDOWS_MAX) this.#dropped++;
    else if (held === undefined) this.#waiting.set(window, key === null ? null : new Set([key]));
    else if (key === null) this.#waiting.set(window, null);
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
    for (const pane of touched.windows) if (!told.has(pane)) this.#wantPane(pane, frozen, null);
  }

  /** How often there were too many, since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Those that shards should give now. */
  ask(): readonly number[] {
    this.#asked = new Map([...this.#waiting].slice(0, ASKED_AT_ONCE));
    for (const window of this.#asked.keys()) this.#waiting.delete(window);
    return [...this.#asked.keys()];
  }

  /** They have given them. */
  answered(): ReadonlyMap<number, ReadonlySet<string> | null> {
    const asked = this.#asked;
    this.#asked = new Map();
    return asked;
  }

  // private functions

  #wantCells({ groups, group, window }: CellsPartial, frozen: number): void {
    const keys = groups.map((one) => groupKey(this.#windows.answerGroup(one)));
    for (let i = 0; i < window.length; i++) this.#wantPane(window[i], frozen, keys[group[i]]);
  }

  #wantPane(pane: number, frozen: number, key: string | null): void {
    const last = Math.min(this.#windows.lastWith(pane), frozen - 1);
    for (let n = this.#windows.firstWith(pane); n <= last; n++) this.want(n, key);
  }
}
