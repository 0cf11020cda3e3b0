/**
 * Looks: when the home of live queries looks at which of them. Each has a time by which it must be looked at, and one from which on it
 * is looked at if there is time; one timer is set for the first of them all. Who has nothing to do before is not looked at.
 *
 *     now ───────────────────────▶
 *      │  must  ····│··│·······│··     by hundredths of a second: each is looked at when its hundredth is over
 *      │  may   ···········│······     by tenths: as many as there is time for, the others a tenth later
 *      └─ timer ─┘                     a second at most: if the clock was set back, all of them are looked at
 */
import { Agenda } from '../../query/index.ts';

const MUST_BUCKET_MS = 10;
const MAY_BUCKET_MS = 100;
/** What is due again as soon as it was looked at, and what there was no time for, waits so long. */
const AGAIN_MS = 100;
/** The timer is set for no later than this. */
const TIMER_MS_MAX = 1_000;

export interface LooksOptions<Thing> {
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Calls `act` once after so many ms, unless the function it gives is called before. */
  readonly after: (ms: number, act: () => void) => () => void;
  /** There is time for what only may be looked at. */
  readonly hasTime: () => boolean;
  /** Something is due: has to call `act` at once. */
  readonly due: (act: () => void) => void;
  /** It is up to a hundredth too early where that was said; `anyway`: what was said means nothing any more. It is to be planned anew. */
  readonly look: (thing: Thing, anyway: boolean) => void;
  readonly all: () => Iterable<Thing>;
}

export class Looks<Thing> {
  readonly #options: LooksOptions<Thing>;
  readonly #must = new Agenda<Thing>(MUST_BUCKET_MS);
  readonly #may = new Agenda<Thing>(MAY_BUCKET_MS);
  #wokeAtMs = Number.NEGATIVE_INFINITY;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | null = null;
  #looking = false;

  constructor(options: LooksOptions<Thing>) {
    this.#options = options;
  }

  /** Infinite times = not at all. Where it was planned for earlier that stays. */
  plan(thing: Thing, mustAtMs: number, mayAtMs: number): void {
    const nowMs = this.#options.nowMs();
    const isAgain = this.#looking && mustAtMs <= nowMs;
    this.#must.plan(thing, isAgain ? nowMs + AGAIN_MS : mustAtMs);
    this.#may.plan(thing, mayAtMs);
    if (!this.#looking) this.#set(Math.min(mustAtMs + MUST_BUCKET_MS, mayAtMs + MAY_BUCKET_MS), nowMs);
  }

  remove(thing: Thing): void {
    this.#must.remove(thing);
    this.#may.remove(thing);
  }

  clear(): void {
    this.#must.clear();
    this.#may.clear();
    this.#unset();
  }

  // private functions

  #set(wantedMs: number, nowMs: number): void {
    const atMs = Math.min(wantedMs, nowMs + TIMER_MS_MAX);
    if (wantedMs === Number.POSITIVE_INFINITY || atMs >= this.#timerAtMs) return;
    this.#unset();
    this.#timerAtMs = atMs;
    this.#cancel = this.#options.after(Math.max(0, atMs - nowMs), () => this.#wake());
  }

  #unset(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    const { nowMs, due, all } = this.#options;
    const now = nowMs();
    this.#unset();
    const isBack = now < this.#wokeAtMs;
    this.#wokeAtMs = now;
    if (isBack) for (const thing of all()) this.#must.plan(thing, now);
    if (this.#must.firstMs <= now || this.#may.firstMs <= now) due(() => this.#lookAtDue(now, isBack));
    const mayAtMs = Math.max(this.#may.firstMs + MAY_BUCKET_MS, now + AGAIN_MS);
    this.#set(Math.min(this.#must.firstMs + MUST_BUCKET_MS, mayAtMs), now);
  }

  #lookAtDue(nowMs: number, isBack: boolean): void {
    const { hasTime, look } = this.#options;
    this.#looking = true;
    try {
      for (const thing of this.#must.take(nowMs)) look(thing, isBack);
      // once there is no time there is none for the rest
      if (!hasTime()) return;
      for (const thing of this.#may.take(nowMs)) {
        look(thing, false);
        if (!hasTime()) return;
      }
    } finally {
      this.#looking = false;
    }
  }
}
