/**
 * LivePace: how much of a thread's time live queries may take for rows that nobody has to have now: those of open windows. Windows
 * that end, revisions and answers to who joins are done at once, whatever they cost, and count too.
 *
 *     share of the thread
 *     0.7 ┤────╮
 *         │     ╲         what writes and historical queries leave, with room to spare
 *    0.04 ┤      ╰─────   never less
 *         └────┴──┴────▶ busy with other things
 *
 * Where the share is not enough, turns come later than EMIT asks for, all of them alike; `EMIT EVERY 1s` is the most that is sent,
 * not the least. What cannot wait may take all of the share; so turns have a small one of their own beside it, and everybody has one
 * some time. It reads no clock: times are passed in.
 *
 * It also counts the processor time of all that operators do, in turns or not (`cpuMs`).
 */
import { SampledCpu } from './sampled-cpu.ts';

const SHARE_MIN = 0.04;
/** Of turns alone, whatever else live queries take: processor time, which turns do not lose where many threads share a processor. */
const TURNS_SHARE = 0.02;
const SHARE_MAX = 0.7;
/** For each part that others take so much is left to them: they come in bursts, and the thread shares processors with its like. */
const ROOM = 3;
/** What the share would be of a thread without others. */
const SHARE_ALONE = 0.8;
/** How often the share is found anew. */
const LOOK_INTERVAL_MS = 100;
/** Weight of the newest look. */
const NEWEST = 0.2;
/** Time that was not taken is not saved up beyond this, and what was taken too much is not paid back beyond that: seconds at most. */
const SAVED_MS_MAX = 20;
const OWED_MS_MAX = 300;

export class LivePace {
  readonly #nowMs: () => number;
  readonly #busyMs: () => number;
  readonly #cpu: SampledCpu;
  #cpuMs = 0;
  #counting = false;
  #lookedAtMs: number;
  #busyBefore: number;
  #spentBefore = 0;
  #spentMs = 0;
  /** Share of time that the thread is busy with other things. */
  #others = 0;
  #leftMs = SAVED_MS_MAX;
  #turnsLeftMs = 0;
  #spending = false;
  #beganMs = 0;

  /**
   * `nowMs` with fractions, never going back; `busyMs`: for how long the thread has been busy in all, with live queries too;
   * `threadCpuMs`: processor time of the thread.
   */
  constructor(nowMs: () => number, busyMs: () => number, threadCpuMs: () => number) {
    this.#nowMs = nowMs;
    this.#busyMs = busyMs;
    this.#cpu = new SampledCpu(nowMs, threadCpuMs);
    this.#lookedAtMs = nowMs();
    this.#busyBefore = busyMs();
  }

  /** Share of the thread's time that live queries may take now. */
  get share(): number {
    return Math.min(Math.max(SHARE_ALONE - ROOM * this.#others, SHARE_MIN), SHARE_MAX);
  }

  /** There is time for rows that can wait. */
  get allows(): boolean {
    this.#look();
    return this.#leftMs > (this.#spending ? this.#nowMs() - this.#beganMs : 0);
  }

  /** There is time for turns: for rows of open windows, one query after the other. */
  get allowsTurns(): boolean {
    return this.allows || this.#turnsLeftMs > 0;
  }

  /** Processor time that live queries took. */
  get cpuMs(): number {
    return this.#cpuMs;
  }

  /**
   * Counts the processor time from here to the end of what the event loop does now, but not what is sent when that ends: for many
   * small things in a row.
   */
  countOn(): void {
    if (this.#counting) return;
    this.#counting = true;
    this.#cpu.begin();
    queueMicrotask(() => this.#counted());
  }

  /** Counts the processor time that `act` takes, which is not taken of the share. */
  count<T>(act: () => T): T {
    if (this.#counting) return act();
    this.#counting = true;
    this.#cpu.begin();
    try {
      return act();
    } finally {
      this.#counted();
    }
  }

  /** Takes the time that `act` takes of the share. */
  spend<T>(act: () => T): T {
    if (this.#spending) return act();
    this.#spending = true;
    this.#beganMs = this.#nowMs();
    try {
      return act();
    } finally {
      this.#spending = false;
      const took = this.#nowMs() - this.#beganMs;
      this.#spentMs += took;
      this.#leftMs = Math.max(this.#leftMs - took, -OWED_MS_MAX);
    }
  }

  /** The same of turns. */
  spendOnTurns<T>(act: () => T): T {
    const spentMs = this.#spentMs;
    try {
      return this.spend(act);
    } finally {
      const took = (this.#spentMs - spentMs) * this.#cpu.share;
      this.#turnsLeftMs = Math.max(this.#turnsLeftMs - took, -OWED_MS_MAX);
    }
  }

  // private functions

  #counted(): void {
    this.#counting = false;
    this.#cpuMs += this.#cpu.end();
  }

  #look(): void {
    const nowMs = this.#nowMs();
    const elapsed = nowMs - this.#lookedAtMs;
    if (elapsed < LOOK_INTERVAL_MS) return;
    const busy = this.#busyMs();
    const others = (busy - this.#busyBefore - (this.#spentMs - this.#spentBefore)) / elapsed;
    this.#others += NEWEST * (Math.min(Math.max(others, 0), 1) - this.#others);
    this.#lookedAtMs = nowMs;
    this.#busyBefore = busy;
    this.#spentBefore = this.#spentMs;
    this.#turnsLeftMs = Math.min(this.#turnsLeftMs + TURNS_SHARE * elapsed, SAVED_MS_MAX);
    this.#leftMs = Math.min(this.#leftMs + this.share * elapsed, Math.max(SAVED_MS_MAX, this.share * LOOK_INTERVAL_MS));
  }
}
