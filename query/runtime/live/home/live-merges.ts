/**
 * Stage 2 of a live query whose windows are of several kinds: `windows(time(1m), time(1h))`. Each kind is kept by a LiveMerge of its
 * own, as if it had been asked for alone; here they are one to the outside. Of one kind, or none, it is that LiveMerge and nothing
 * more. Order of calls and what holds: see live-merge.ts.
 */

import type { LivePlan } from '../live-plan.ts';
import type { Emission, LiveUpdate } from '../live-update.ts';
import type { LastHeard } from '../watermark.ts';
import { LiveAnswers } from './live-answers.ts';
import { together } from './live-emission.ts';
import { LiveMerge } from './live-merge.ts';
import { LiveSeries } from './live-series.ts';
import type { LiveCounters, LiveFloor } from './live-standing.ts';

/** Stage 2 of a live query. */
export type LiveHomeStage = LiveMerges | LiveAnswers | LiveSeries;

/** `heard`: of the stream that the query reads, changed by who hears. */
export function openHome(live: LivePlan, shards: number, heard: LastHeard | null = null): LiveHomeStage {
  if (live.rules.perSeries) return new LiveSeries(live, shards);
  return live.leaves === undefined ? new LiveMerges(live, shards, heard) : new LiveAnswers(live, shards, heard);
}

export class LiveMerges {
  readonly #kinds: readonly LiveMerge[];

  /** `heard`: of the stream that the query reads, changed by who hears. */
  constructor(live: LivePlan, shards: number, heard: LastHeard | null = null) {
    const waitsAt = (): bigint | null => this.#kinds.map((kind) => kind.waitsAt).reduce(least);
    this.#kinds = (live.plan.windows ?? [undefined]).map((kind) => new LiveMerge(live, shards, heard, kind, waitsAt));
  }

  /** Rows are judged by the windows of the kind stated first; revisions are those of all. To be read at once: they go on counting. */
  get counters(): LiveCounters {
    if (this.#kinds.length === 1) return this.#kinds[0].counters;
    const revised = this.#kinds.reduce((sum, { counters }) => sum + counters.revised, 0);
    return { ...this.#kinds[0].counters, revised };
  }

  /** Joins of windows are cells. */
  get joinedRows(): number {
    return 0;
  }

  /** Rows that the query answers for. */
  get cells(): number {
    return this.#kinds.reduce((sum, { cells }) => sum + cells, 0);
  }

  get watermark(): bigint | null {
    return this.#kinds[0].watermark;
  }

  /** What cursors say of the watermark. */
  get resumesAt(): bigint | null {
    return this.watermark;
  }

  get rev(): number {
    return Math.max(...this.#kinds.map(({ rev }) => rev));
  }

  get settled(): boolean {
    return this.#kinds.every(({ settled }) => settled);
  }

  get shares(): string | null {
    return this.#kinds[0].shares;
  }

  get waitedMs(): number {
    return this.#kinds[0].waitedMs;
  }

  nextAdvanceMs(nowMs: number): number {
    return Math.min(...this.#kinds.map((kind) => kind.nextAdvanceMs(nowMs)));
  }

  /** The earliest of all kinds: a pane goes when nobody needs it. */
  get expiredBefore(): bigint | null {
    const all = this.#kinds.map(({ expiredBefore }) => expiredBefore);
    return all.includes(null) ? null : all.reduce(least);
  }

  /** All that is asked for lies in windows: nothing reaches further back. */
  get wantedFrom(): bigint | null {
    return null;
  }

  readsEnough(_watermark: bigint | null): boolean {
    return true;
  }

  accept(shard: number, update: LiveUpdate): void {
    for (const kind of this.#kinds) kind.accept(shard, update);
  }

  /** Panes that all shards should give once more, after which `recomputed` is called; null = none. */
  takeWanted(): number[] | null {
    const wanted = this.#kinds.map((kind) => kind.takeWanted());
    return wanted.every((panes) => panes === null) ? null : [...new Set(wanted.flatMap((panes) => panes ?? []))];
  }

  recomputed(): Emission[] {
    return together(this.#kinds.map((kind) => kind.recomputed()));
  }

  raise(floor: LiveFloor): void {
    for (const kind of this.#kinds) kind.raise(floor);
  }

  advance(nowMs: number): Emission[] {
    return together(this.#kinds.map((kind) => kind.advance(nowMs)));
  }

  subscribe(nowMs: number): { readonly live: Emission[]; readonly snapshot: Emission[] } {
    const all = this.#kinds.map((kind) => kind.subscribe(nowMs));
    return { live: together(all.map(({ live }) => live)), snapshot: together(all.map(({ snapshot }) => snapshot)) };
  }

  resume(watermark: bigint | null, nowMs: number): { readonly live: Emission[]; readonly missed: Emission[] } {
    const all = this.#kinds.map((kind) => kind.resume(watermark, nowMs));
    return { live: together(all.map(({ live }) => live)), missed: together(all.map(({ missed }) => missed)) };
  }

  leansOn(min: bigint, max: bigint): boolean {
    return this.#kinds.some((kind) => kind.leansOn(min, max));
  }
}

// private functions

/** null = none. */
function least(a: bigint | null, b: bigint | null): bigint | null {
  return a === null || (b !== null && b < a) ? b : a;
}
