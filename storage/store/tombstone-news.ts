/**
 * Which buckets have tombstones that the manifest does not know, and how a record of the manifest says them: each bucket's whole list,
 * and what several buckets share once.
 */
import type { ManifestTombstones } from './manifest-record.ts';
import type { Tombstone } from './tombstones.ts';

export class TombstoneNews {
  /** Ids: a bucket may be moved while it has news. */
  #buckets = new Set<number>();

  /** The bucket's list is another now. */
  note(id: number): void {
    this.#buckets.add(id);
  }

  take(): Set<number> {
    const buckets = this.#buckets;
    this.#buckets = new Set();
    return buckets;
  }

  /** What was taken was not recorded. */
  giveBack(buckets: Iterable<number>): void {
    for (const bucket of buckets) this.#buckets.add(bucket);
  }
}

export function manifestTombstones(
  buckets: Iterable<{ readonly id: number; readonly tombstones: readonly Tombstone[] }>,
): ManifestTombstones {
  const numbers = new Map<Tombstone, number>();
  const hidden: (readonly [bucket: number, tombstones: readonly number[]])[] = [];
  for (const { id, tombstones } of buckets) {
    if (tombstones.length === 0) continue;
    for (const tombstone of tombstones) if (!numbers.has(tombstone)) numbers.set(tombstone, numbers.size);
    hidden.push([id, tombstones.map((tombstone) => numbers.get(tombstone)!)]);
  }
  return { tombstones: [...numbers.keys()], hidden };
}
