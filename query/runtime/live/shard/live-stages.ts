/**
 * LiveStages: stage 1 of all live queries on one shard. It finds for each query the stream that it can share with others, or gives it
 * an operator of its own, and hands what was applied to those streams that read it. Which queries share changes no answer.
 */

import type { Source } from '../../source/source.ts';
import type { LivePlan } from '../live-plan.ts';
import type { LiveInput } from '../live-update.ts';
import { LiveLeaves } from './live-leaves.ts';
import { LiveShard } from './live-shard.ts';
import { LiveView } from './live-view.ts';
import { type Sharing, sharing, sliceRuns, sliceWindow, streamName } from './share-plan.ts';
import { SharedStream, sourceKey, sourcesKey } from './shared-stream.ts';

export type LiveStage = LiveShard | LiveView | LiveLeaves;

/** Told of each query that can not go on. */
export type StageFailed = (stage: LiveView, error: Error) => void;

/** What one stream holds on one shard. */
export interface StreamTotals {
  readonly name: string;
  readonly views: number;
  readonly bytes: number;
}

export interface SharedTotals {
  readonly streams: number;
  readonly views: number;
  readonly cells: number;
  readonly bytes: number;
}

export class LiveStages {
  readonly #source: Source;
  readonly #streams = new Map<string, SharedStream<LiveView>[]>();
  readonly #keys = new Map<SharedStream<LiveView>, string>();
  readonly #readers = new Map<string, Set<SharedStream<LiveView>>>();
  /** Streams that have something to tell. */
  readonly #active = new Set<SharedStream<LiveView>>();
  /** Streams that something has come to since `heard` was called. */
  readonly #unheard = new Set<SharedStream<LiveView>>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** The stage is then started by who opened it, and closed when its query has gone. */
  open(live: LivePlan): LiveStage {
    if (live.leaves !== undefined) return new LiveLeaves(live, this.#source);
    const shared = sharing(live);
    if (shared === null) return new LiveShard(live, this.#source);
    return new LiveView(live, shared, this.#streamFor(live, shared), this.#source);
  }

  close(stage: LiveStage): void {
    if (!(stage instanceof LiveView)) return;
    stage.close();
    const { stream } = stage;
    if (stream.views.size === 0) this.#forget(stream);
  }

  /** A view that rested has its turn again. */
  wake(view: LiveView): void {
    view.stream.wake(view);
    this.#active.add(view.stream);
  }

  /** Gives rows that were just applied to the shared streams; operators on their own are the host's to tell. */
  accept(input: LiveInput, nowMs: number, sequence: number, failed: StageFailed): void {
    for (const stream of this.#readers.get(sourceKey(input)) ?? []) {
      this.#active.add(stream);
      this.#unheard.add(stream);
      guard(stream, failed, () => stream.accept(input, nowMs, sequence));
    }
  }

  rowsDeleted(database: string, measurement: string, failed: StageFailed): void {
    for (const stream of this.#keys.keys()) {
      if (!stream.plan.sources.some((s) => s.database === database && s.measurement === measurement)) continue;
      this.#active.add(stream);
      guard(stream, failed, () => stream.rowsDeleted());
    }
  }

  /** There are views that must speak now. */
  get hasEnded(): boolean {
    for (const stream of this.#active) if (stream.hasEnded) return true;
    return false;
  }

  /** Views that must speak now, because a window of theirs ended; no more than `most`. `hasTime`: see `SharedStream.ended`. */
  ended(nowMs: number, most: number, failed: StageFailed, hasTime = true): LiveView[] {
    const views: LiveView[] = [];
    for (const stream of this.#active) {
      if (views.length >= most) break;
      guard(stream, failed, () => views.push(...stream.ended(nowMs, most - views.length, hasTime)));
    }
    return views;
  }

  /** Views whose turn has come, no more than `most`, of one stream after the other; none = of no stream. */
  turns(nowMs: number, most: number, failed: StageFailed): LiveView[] {
    for (const stream of [...this.#active]) {
      const views: LiveView[] = [];
      guard(stream, failed, () => views.push(...stream.turns(nowMs, most)));
      this.#active.delete(stream);
      if (!stream.quiet) this.#active.add(stream);
      if (views.length > 0) return views;
    }
    return [];
  }

  /** Nothing has come that was not told. */
  get idle(): boolean {
    return this.#active.size === 0 && this.#unheard.size === 0;
  }

  /** By `sourcesKey`: when a point last moved the time of a shared stream, ms; of those that something has come to since the last call. */
  heard(): Map<string, number> {
    const heard = new Map<string, number>();
    for (const stream of this.#unheard) {
      const atMs = stream.heardMs;
      if (atMs !== null) heard.set(sourcesKey(stream.plan), atMs);
    }
    this.#unheard.clear();
    return heard;
  }

  get streams(): StreamTotals[] {
    return [...this.#keys.keys()].map(({ name, views, slices }) => ({ name, views: views.size, bytes: slices.bytes }));
  }

  get totals(): SharedTotals {
    let [views, cells, bytes] = [0, 0, 0];
    for (const stream of this.#keys.keys()) {
      views += stream.views.size;
      cells += stream.slices.size;
      bytes += stream.slices.bytes;
    }
    return { streams: this.#keys.size, views, cells, bytes };
  }

  // private functions

  #streamFor(live: LivePlan, { key, base, tagged }: Sharing): SharedStream<LiveView> {
    const streams = this.#streams.get(key) ?? [];
    const fitting = streams.find((stream) => sliceRuns(live.plan, stream.plan.window!) !== null);
    if (fitting !== undefined) return fitting;
    const plan = { ...base, window: sliceWindow(live.plan, streams.length === 0) };
    const stream = new SharedStream<LiveView>(
      streamName(key, plan.window!),
      plan,
      tagged,
      live.rules.ahead,
      this.#source,
    );
    this.#streams.set(key, [...streams, stream]);
    this.#keys.set(stream, key);
    for (const source of plan.sources) {
      const name = sourceKey(source);
      const readers = this.#readers.get(name);
      if (readers === undefined) this.#readers.set(name, new Set([stream]));
      else readers.add(stream);
    }
    return stream;
  }

  #forget(stream: SharedStream<LiveView>): void {
    const key = this.#keys.get(stream);
    if (key === undefined) return;
    const left = this.#streams.get(key)!.filter((other) => other !== stream);
    if (left.length > 0) this.#streams.set(key, left);
    else this.#streams.delete(key);
    this.#keys.delete(stream);
    this.#active.delete(stream);
    this.#unheard.delete(stream);
    for (const source of stream.plan.sources) {
      const name = sourceKey(source);
      const readers = this.#readers.get(name);
      readers?.delete(stream);
      if (readers?.size === 0) this.#readers.delete(name);
    }
  }
}

// private functions

/** A stream that cannot go on ends the queries that share it; the others go on. */
function guard(stream: SharedStream<LiveView>, failed: StageFailed, act: () => void): void {
  try {
    act();
  } catch (error) {
    for (const view of [...stream.views]) failed(view, error as Error);
  }
}
