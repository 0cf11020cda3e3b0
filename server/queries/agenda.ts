/**
 * Agenda: things by when they have to be looked at, so that nobody goes through thousands of them every tenth of a second to find the
 * few of which it is time. Times are in ms and kept to the tenth of a second; who is given too early is planned once more.
 */

const BUCKET_MS = 100;

export class Agenda<Thing> {
  readonly #buckets = new Map<number, Set<Thing>>();
  readonly #bucketOf = new Map<Thing, number>();

  /** In place of the time that was planned before; infinite = never. */
  plan(thing: Thing, atMs: number): void {
    const bucket = Math.floor(atMs / BUCKET_MS);
    if (this.#bucketOf.get(thing) === bucket) return;
    this.remove(thing);
    if (bucket === Number.POSITIVE_INFINITY) return;
    const things = this.#buckets.get(bucket);
    if (things === undefined) this.#buckets.set(bucket, new Set([thing]));
    else things.add(thing);
    this.#bucketOf.set(thing, bucket);
  }

  remove(thing: Thing): void {
    const bucket = this.#bucketOf.get(thing);
    if (bucket === undefined) return;
    this.#bucketOf.delete(thing);
    const things = this.#buckets.get(bucket)!;
    things.delete(thing);
    if (things.size === 0) this.#buckets.delete(bucket);
  }

  clear(): void {
    this.#buckets.clear();
    this.#bucketOf.clear();
  }

  /** Those whose time has come, the first in time first; they stay until they are planned anew. */
  due(nowMs: number): Thing[] {
    const now = Math.floor(nowMs / BUCKET_MS);
    const due = [...this.#buckets.keys()].filter((bucket) => bucket <= now).sort((a, b) => a - b);
    return due.flatMap((bucket) => [...this.#buckets.get(bucket)!]);
  }
}
