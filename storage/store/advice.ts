/** How buckets shall be cut, by measurement, policy or database: what callers advise, and the defaults. Kept in memory only. */
import type { DropScope, MeasurementName } from '../head/types.ts';
import { SPAN_NS, SPAN_NS_MAX, SPAN_NS_MIN } from './spans.ts';

/** Large enough that opening costs little beside reading, small enough to be written anew in seconds. */
export const BUCKET_BYTES = 64 * 1024 * 1024;
const BUCKET_BYTES_MIN = 64 * 1024;
const BUCKET_BYTES_MAX = 1024 * 1024 * 1024;

export interface BucketShape {
  /** A bucket that has grown to this is followed by another. */
  readonly bucketBytes: number;
  /** A bucket lies within one span of this width. */
  readonly spanNs: bigint;
}

/** A database; a policy of it, null = all; a measurement of that, null = all. */
export type AdviceScope = DropScope;

export class Advice {
  readonly #shapes = new Map<string, Partial<BucketShape>>();

  /** In place of what was advised for this scope before; null takes it back. Widths and sizes are cut to what is possible. */
  set({ database, retentionPolicy, measurement }: AdviceScope, shape: Partial<BucketShape> | null): void {
    const key = keyOf(database, retentionPolicy, measurement);
    if (shape === null) this.#shapes.delete(key);
    else this.#shapes.set(key, shape);
  }

  /** The narrowest scope that says anything counts, for each property. */
  of({ database, retentionPolicy, measurement }: MeasurementName): BucketShape {
    const found = [
      this.#shapes.get(keyOf(database, retentionPolicy, measurement)),
      this.#shapes.get(keyOf(database, null, measurement)),
      this.#shapes.get(keyOf(database, retentionPolicy, null)),
      this.#shapes.get(keyOf(database, null, null)),
    ];
    const bytes = found.find((shape) => shape?.bucketBytes !== undefined)?.bucketBytes ?? BUCKET_BYTES;
    const spanNs = found.find((shape) => shape?.spanNs !== undefined)?.spanNs ?? SPAN_NS;
    return {
      bucketBytes: Math.min(BUCKET_BYTES_MAX, Math.max(BUCKET_BYTES_MIN, bytes)),
      spanNs: possible(spanNs),
    };
  }
}

// private functions

function possible(spanNs: bigint): bigint {
  if (spanNs < SPAN_NS_MIN) return SPAN_NS_MIN;
  if (spanNs > SPAN_NS_MAX) return SPAN_NS_MAX;
  return spanNs;
}

function keyOf(database: string, retentionPolicy: string | null, measurement: string | null): string {
  return JSON.stringify([database, retentionPolicy, measurement]);
}
