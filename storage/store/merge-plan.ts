/**
 * Which buckets of a span are to be merged next. Tiered by size, as in Bigtable's merging compactions and the size-tiered and universal
 * compactions that came after it: neighbours in order of sealing are merged when there are several of like size, so that what comes out
 * is at least twice as large as the largest that went in. A row is then rewritten at most log2(bucket bytes ÷ bytes of a sealing)
 * times, and mostly half as often, as four are waited for. Pure.
 *
 *     oldest ─▶ newest   16 · 5 4 · 1 1 1 1      the four small ones go together: 16 · 5 4 · 4; later 5 4 4 and one more do
 *
 * What costs readers a merge (late rows over older ones), and a span that is not sealed to any more, is not waited for: there two
 * suffice, and a tenth of growth, which keeps the number of rewrites logarithmic all the same.
 *
 * Buckets of one layer (a merge that was cut at the byte target) share no row and go together. A merge takes neighbours only: what comes
 * out stands where the youngest of them stood, so nothing may lie between them. Buckets at the byte target that no late row
 * touches are left as they are, but where series are thin: each layer costs whoever looks for one series a chunk, so layers of a span
 * that is not sealed to any more are merged, as long as the largest grows by half, to a layer in which each bucket has its own series.
 */
import type { TimeRange } from '../head/row-layer.ts';

/** Fewer make more rewriting, more make more buckets to read. */
const LAYERS_MIN = 4;
const GROWTH_MIN = 2;
/** Where readers would have to merge, or nothing more comes. */
const URGENT_LAYERS_MIN = 2;
const URGENT_GROWTH_MIN = 1.1;
/** Of layers at the byte target. */
const LARGE_GROWTH_MIN = 1.5;
/** What readers wait for is done before what only saves files. */
const URGENT_WORTH = 1e6;
/** Of one merge, in buckets of the byte target: twice that is on disk while it runs. */
const TARGETS_MAX = 16;

export interface PlanBucket {
  readonly layer: number;
  readonly bytes: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly late: TimeRange | null;
}

export interface PlanRules<B> {
  /** False: it must stay as it is. */
  readonly isFree: (bucket: B) => boolean;
  /** Of one merge: each holds a block in memory. */
  readonly inputsMax: number;
  readonly bucketBytes: number;
  /** Nothing has been sealed to the span for a while. */
  readonly isQuiet: boolean;
  /** Its series have so few rows that a chunk holds several: more layers mean more chunks to read for each. Asked of large ones only. */
  readonly isThin: (bucket: B) => boolean;
  /** Everything that can be merged shall be, whatever it costs. */
  readonly isWhole: boolean;
}

/** Buckets of one span, oldest layer first; gives what to merge, in that order, null where nothing is worth it. */
export function chooseMerge<B extends PlanBucket>(group: readonly B[], rules: PlanRules<B>): readonly B[] | null {
  const layers = layersOf(group, rules);
  let best: { from: number; to: number; worth: number } | null = null;
  for (let to = 1; to < layers.length; to++) {
    let bytes = 0;
    let largest = 0;
    let inputs = 0;
    let isContested = false;
    for (let from = to; from >= 0 && layers[from].isFree; from--) {
      const layer = layers[from];
      bytes += layer.bytes;
      inputs += layer.buckets.length;
      largest = Math.max(largest, layer.bytes);
      if (inputs > rules.inputsMax || bytes > TARGETS_MAX * rules.bucketBytes) break;
      isContested ||= layers.slice(from + 1, to + 1).some((later) => repeats(later, layer));
      const count = to - from + 1;
      if (count === 1 || !isDue(count, bytes / largest, isContested, rules)) continue;
      const isLarge = !isContested && largest >= rules.bucketBytes;
      if (isLarge && !(bytes >= LARGE_GROWTH_MIN * largest && isThin(layers.slice(from, to + 1), rules))) continue;
      const worth = (isContested ? URGENT_WORTH : 1) * ((count - 1) / bytes);
      if (best === null || worth > best.worth) best = { from, to, worth };
    }
  }
  return best === null ? null : layers.slice(best.from, best.to + 1).flatMap(({ buckets }) => buckets);
}

/** How many buckets of a span, in layers, may hold points that an earlier one has too: their readers merge. */
export function contestedIn(group: readonly PlanBucket[]): number {
  return group.filter(({ late, layer }) => late !== null && group.some((b) => b.layer < layer && meets(late, b)))
    .length;
}

/** Times of rows among `merged` that may repeat one of `others`, the buckets that stay and are of earlier layers. */
export function lateRange(merged: readonly PlanBucket[], others: readonly PlanBucket[]): TimeRange | null {
  const found = merged.flatMap(({ late, layer }) =>
    late !== null && others.some((other) => other.layer < layer && meets(late, other)) ? [late] : [],
  );
  if (found.length === 0) return null;
  let { min, max } = found[0];
  for (const late of found) {
    if (late.min < min) min = late.min;
    if (late.max > max) max = late.max;
  }
  return { min, max };
}

// private functions

function isDue<B>(count: number, growth: number, isContested: boolean, { isQuiet, isWhole }: PlanRules<B>): boolean {
  if (isWhole) return true;
  if (isContested || isQuiet) return count >= URGENT_LAYERS_MIN && growth >= URGENT_GROWTH_MIN;
  return count >= LAYERS_MIN && growth >= GROWTH_MIN;
}

/** Of layers that get no more neighbours. */
function isThin<B>(layers: readonly Layer<B>[], rules: PlanRules<B>): boolean {
  return rules.isQuiet && layers.every(({ buckets }) => buckets.every(rules.isThin));
}

type Layer<B> = { readonly buckets: B[]; bytes: number; isFree: boolean };

function layersOf<B extends PlanBucket>(group: readonly B[], { isFree }: PlanRules<B>): Layer<B>[] {
  const layers: Layer<B>[] = [];
  for (const bucket of group) {
    let last = layers.at(-1);
    if (last?.buckets[0].layer !== bucket.layer) {
      last = { buckets: [], bytes: 0, isFree: true };
      layers.push(last);
    }
    last!.buckets.push(bucket);
    last!.bytes += bucket.bytes;
    last!.isFree &&= isFree(bucket);
  }
  return layers;
}

/** A reader of both would have to merge. */
function repeats<B extends PlanBucket>(later: Layer<B>, earlier: Layer<B>): boolean {
  return later.buckets.some(({ late }) => late !== null && earlier.buckets.some((bucket) => meets(late, bucket)));
}

function meets(late: TimeRange, { minTime, maxTime }: PlanBucket): boolean {
  return late.min <= maxTime && late.max >= minTime;
}
