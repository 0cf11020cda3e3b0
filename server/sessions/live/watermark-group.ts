/**
 * A group of subscriptions of one client that move together: panels of one dashboard. Rows of each are held until every one of the group
 * has come as far, to the step; then they leave together, and each is told how far the group is. So no panel shows a window closed that
 * another has not heard of.
 *
 *     a  ──rows 10.2── ─rows 11.0──────────┐ held
 *     b  ──────rows 10.9──────────rows 11.3┴▶ both leave, `group` 11
 *
 * One that says nothing for LAG_MS_MAX is waited for no longer, until it speaks again: a quiet measurement must not hold up the rest.
 */
import type { FeedFrame } from '../engine.ts';
import type { LiveCounters } from './counters.ts';
import type { Lane, Outbox } from './outbox.ts';
import type { SessionClock } from './sink.ts';

/** Groups move in steps of stream time: windows that end together are closed within milliseconds of one another, not in one. */
export const STEP_MS = 1_000;
/** Two emissions of open windows. */
export const LAG_MS_MAX = 2_000;
/** Frames of one group that are held; beyond it all of them leave. */
export const GROUP_BYTES_MAX = 1024 * 1024;

const encoder = new TextEncoder();

interface Member {
  readonly lane: Lane;
  /** How far it has said that it is; null = it has seen no point yet. */
  step: number | null;
  /** When it said so, or joined. */
  saidAtMs: number;
  held: FeedFrame[];
  /** How far what has left is; null = nothing has. */
  left: number | null;
}

export class WatermarkGroup {
  readonly #name: string;
  readonly #outbox: Outbox;
  readonly #clock: SessionClock;
  readonly #counters: LiveCounters;
  readonly #members = new Map<Lane, Member>();
  #toldStep = Number.NEGATIVE_INFINITY;
  #bytes = 0;
  #cancelTimer: (() => void) | null = null;

  constructor(name: string, outbox: Outbox, clock: SessionClock, counters: LiveCounters) {
    this.#name = name;
    this.#outbox = outbox;
    this.#clock = clock;
    this.#counters = counters;
  }

  get size(): number {
    return this.#members.size;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  join(lane: Lane): void {
    this.#members.set(lane, { lane, step: null, saidAtMs: this.#clock.nowMs(), held: [], left: null });
  }

  leave(lane: Lane): void {
    const member = this.#members.get(lane);
    if (member === undefined) return;
    this.#forget(member);
    this.#members.delete(lane);
    if (this.#members.size > 0) this.#move();
    else this.#cancelTimer?.();
  }

  /** A frame of the lane's feed. */
  offer(lane: Lane, frame: FeedFrame): void {
    const member = this.#members.get(lane);
    if (member === undefined) return;
    if (frame.op === 'reset') {
      this.#forget(member);
      member.step = null;
    }
    if (frame.watermarkMs !== null && frame.more !== true) {
      member.step = stepOf(frame.watermarkMs);
      member.saidAtMs = this.#clock.nowMs();
    }
    member.held.push(frame);
    this.#bytes += frame.members.length;
    this.#move();
  }

  // private functions

  #move(): void {
    const nowMs = this.#clock.nowMs();
    let step = Number.POSITIVE_INFINITY;
    let furthest = Number.NEGATIVE_INFINITY;
    let behindSinceMs = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      const at = member.step ?? Number.NEGATIVE_INFINITY;
      furthest = Math.max(furthest, at);
      if (nowMs - member.saidAtMs >= LAG_MS_MAX) continue;
      step = Math.min(step, at);
      behindSinceMs = Math.min(behindSinceMs, member.saidAtMs);
    }
    if (step === Number.POSITIVE_INFINITY || this.#bytes > GROUP_BYTES_MAX) step = furthest;
    else step = this.#sharedStep(step, nowMs);
    let released = 0;
    for (const member of this.#members.values()) released += this.#release(member, step);
    if (released > 0 && this.#isParted(step)) this.#counters.groupsParted++;
    if (step > this.#toldStep && step !== Number.NEGATIVE_INFINITY) this.#tell(step);
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#bytes === 0) return;
    const waitMs = Math.max(0, behindSinceMs + LAG_MS_MAX - nowMs);
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#move());
  }

  /** The last step up to `step` at which every one of the group has something to show: one may have come further in one frame. */
  #sharedStep(step: number, nowMs: number): number {
    for (let shared = step; ; ) {
      let least = shared;
      for (const { held, left, saidAtMs } of this.#members.values()) {
        if (nowMs - saidAtMs >= LAG_MS_MAX) continue;
        let at = left ?? Number.NEGATIVE_INFINITY;
        let isBeyond = false;
        for (const { watermarkMs } of held) {
          if (watermarkMs === null) continue;
          if (stepOf(watermarkMs) > shared) isBeyond = true;
          else at = stepOf(watermarkMs);
        }
        if (isBeyond) least = Math.min(least, at);
      }
      if (least === shared) return shared;
      shared = least;
    }
  }

  /** Somebody is not as far. */
  #isParted(step: number): boolean {
    for (const member of this.#members.values()) if (member.step !== null && member.step < step) return true;
    return false;
  }

  /** Sends what is held up to a step; how many frames. What has no watermark, and a snapshot, waits only for what came before it. */
  #release(member: Member, step: number): number {
    let count = 0;
    for (const { watermarkMs, phase } of member.held) {
      if (phase === 'live' && watermarkMs !== null && stepOf(watermarkMs) > step) break;
      count++;
    }
    for (const frame of member.held.splice(0, count)) {
      if (frame.watermarkMs !== null) member.left = stepOf(frame.watermarkMs);
      this.#bytes -= frame.members.length;
      this.#outbox.offer(member.lane, frame);
    }
    return count;
  }

  #tell(step: number): void {
    this.#toldStep = step;
    const members = encoder.encode(`"group":${JSON.stringify(this.#name)},"watermarkMs":${step * STEP_MS}`);
    for (const { lane } of this.#members.values()) {
      this.#outbox.offer(lane, { op: 'group', members, cursor: '', phase: 'live', watermarkMs: null });
    }
  }

  #forget(member: Member): void {
    for (const { members } of member.held) this.#bytes -= members.length;
    member.held = [];
  }
}

// private functions

function stepOf(watermarkMs: number): number {
  return Math.floor(watermarkMs / STEP_MS);
}
