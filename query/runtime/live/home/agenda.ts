/**
 * Agenda: things by when they have to be looked at, so that nobody goes through thousands of them every tenth of a second to find the
 * few of which it is time. Times are in ms, kept to the width of a bucket. What is put off again and again is not moved each time: it
 * is given at the time it was first planned for, and planned anew by who finds that it is too early.
 */

export class Agenda<Thing> {
  readonly #bucketMs: number;
  readonly #buckets = new Map<number, Set<Thing>>();
  readonly #bucketOf = new Map<Thing, number>();

  /** `bucketMs`: things are given so much before their time at most. */
  constructor(bucketMs: number) {
    this.#bucketMs = bucketMs;
  }

  /** When the first is given; Infinity = there is none. */
  get firstMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const bucket of this.#buckets.keys()) if (bucket < first) first = bucket;
    return first * this.#bucketMs;
  }

  /** To be looked at at this time, or earlier if that was planned before; infinite = not for this. */
  plan(thing: Thing, atMs: number): void {
    const bucket = Math.floor(atMs / this.#bucketMs);
    const planned = this.#bucketOf.get(thing) ?? Number.POSITIVE_INFINITY;
    if (bucket >= planned) return;
    this.remove(thing);
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

  /** Takes those whose time has come, the first in time first, one when it is asked for: the others stay. */
  *take(nowMs: number): Generator<Thing, void, void> {
    const now = Math.floor(nowMs / this.#bucketMs);
    const due = [...this.#buckets.keys()].filter((bucket) => bucket <= now).sort((a, b) => a - b);
    for (const bucket of due) {
      // what is planned for now once more has its turn the next time
      for (const thing of [...(this.#buckets.get(bucket) ?? [])]) {
        if (this.#bucketOf.get(thing) !== bucket) continue;
        this.remove(thing);
        yield thing;
      }
    }
  }
}
