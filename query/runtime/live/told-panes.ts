/**
 * ToldPanes: which panes of a live query every shard has told, as its home knows, and which windows wait because some shard has not. A
 * shard that begins tells all panes from one on; of those before it, only such into which rows come, or which it is asked for. A row
 * made of a pane that one shard has told and another has not would be wrong, so the home asks first.
 */

import { type AnswerWindows, panesOf } from '../cells/window-times.ts';
import type { Cell } from './live-cells.ts';

/** Windows that shards are asked for at a time. */
export const ASKED_AT_ONCE = 64;

export class ToldPanes {
  readonly #windows: AnswerWindows;
  /** By shard: it has told all panes from this one on. Infinity = it has not begun. */
  readonly #from: number[];
  /** By shard: the panes before it that it has told. */
  readonly #before: Set<number>[];
  /** Windows that wait. */
  readonly #partial = new Set<number>();
  /** Panes that shards were asked for. */
  #asked: readonly number[] = [];

  constructor(shards: number, windows: AnswerWindows) {
    this.#windows = windows;
    this.#from = new Array<number>(shards).fill(Number.POSITIVE_INFINITY);
    this.#before = this.#from.map(() => new Set());
  }

  get waits(): boolean {
    return this.#partial.size > 0;
  }

  get isAsking(): boolean {
    return this.#asked.length > 0;
  }

  /** A shard tells these panes, and where `from` is there all from that one on. */
  take(shard: number, from: number | undefined, panes: Iterable<number>): void {
    if (from !== undefined && from < this.#from[shard]) this.#from[shard] = from;
    for (const pane of panes) if (pane < this.#from[shard]) this.#before[shard].add(pane);
  }

  /** Whether all shards have told all of a window; else it waits until they have. */
  isWhole(window: number): boolean {
    if (this.#areTold(window)) return true;
    this.#partial.add(window);
    return false;
  }

  /** Windows that waited and wait no more. */
  released(): number[] {
    const released = [...this.#partial].filter((window) => this.#areTold(window));
    for (const window of released) this.#partial.delete(window);
    return released;
  }

  /** Panes that all shards should give, after which `answered` is called. */
  ask(): readonly number[] {
    this.#asked = panesOf(this.#windows, [...this.#partial].slice(0, ASKED_AT_ONCE));
    return this.#asked;
  }

  answered(): void {
    for (const shard of this.#from.keys()) this.take(shard, undefined, this.#asked);
    this.#asked = [];
  }

  /** Those of windows that do not wait. */
  without(cells: Cell[]): Cell[] {
    return this.#partial.size === 0 ? cells : cells.filter(({ window }) => !this.#partial.has(window));
  }

  /** The first window that waits; Infinity = none does. */
  get first(): number {
    return [...this.#partial].reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }

  /** End of the first window that waits; null = none does. */
  get firstEnd(): bigint | null {
    return this.#partial.size === 0 ? null : this.#windows.end(this.first);
  }

  /** Nothing is asked about windows before this one any more. */
  dropBefore(window: number): void {
    const pane = this.#windows.runFrom(window);
    for (const told of this.#before) for (const one of told) if (one < pane) told.delete(one);
  }

  // private functions

  #areTold(window: number): boolean {
    const [from, to] = [this.#windows.runFrom(window), this.#windows.runTo(window)];
    for (const [shard, first] of this.#from.entries()) {
      for (let pane = from; pane < Math.min(to, first); pane++) if (!this.#before[shard].has(pane)) return false;
    }
    return true;
  }
}
