/**
 * A group of subscriptions of one client that move together: panels of one dashboard. Rows of each are held until every one of the group
 * has come as far, to the step; then they leave together, and each is told how far the group is. So no panel shows a window closed that
 * another has not heard of.
 *
 *     a  ──rows 10.2── ─rows 11.0──────────┐ held
 *     b  ──────rows 10.9──────────rows 11.3┴▶ both leave, `group` 11
 *
 * What a query emits at once belongs together, so one that goes from 10 to 12 in one frame is never at 11: the group is only where all of
 * them have been.
 *
 * One that says nothing for LAG_MS_MAX is waited for no longer, until it speaks again, nor are rows held for longer: a quiet measurement
 * must not hold up the rest.
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
  /** Where it is for the client. */
  sentStep: number;
  held: Held[];
}

interface Held {
  readonly frame: FeedFrame;
  readonly atMs: number;
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
    this.#members.set(lane, {
      lane,
      step: null,
      saidAtMs: this.#clock.nowMs(),
      sentStep: Number.NEGATIVE_INFINITY,
      held: [],
    });
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
      member.sentStep = Number.NEGATIVE_INFINITY;
    }
    if (frame.watermarkMs !== null && frame.more !== true) {
      member.step = stepOf(frame);
      member.saidAtMs = this.#clock.nowMs();
    }
    member.held.push({ frame, atMs: this.#clock.nowMs() });
    this.#bytes += frame.members.length;
    this.#move();
  }

  // private functions

  #move(): void {
    const nowMs = this.#clock.nowMs();
    const waitedFor: Member[] = [];
    let furthest = Number.NEGATIVE_INFINITY;
    let sinceMs = Number.POSITIVE_INFINITY;
    let heldSinceMs = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      furthest = Math.max(furthest, member.step ?? Number.NEGATIVE_INFINITY);
      if (member.held.length > 0) heldSinceMs = Math.min(heldSinceMs, member.held[0].atMs);
      if (nowMs - member.saidAtMs >= LAG_MS_MAX) continue;
      waitedFor.push(member);
      sinceMs = Math.min(sinceMs, member.saidAtMs);
    }
    const all = waitedFor.length === 0 || this.#bytes > GROUP_BYTES_MAX;
    const reached = all ? furthest : Math.min(...waitedFor.map(({ step }) => step ?? Number.NEGATIVE_INFINITY));
    const isLate = nowMs - heldSinceMs >= LAG_MS_MAX;
    const step = all || isLate ? reached : commonStep(waitedFor, reached);
    const upTo = isLate ? furthest : step;
    let released = 0;
    for (const member of this.#members.values()) released += this.#release(member, upTo);
    if (released > 0 && this.#isParted(upTo)) this.#counters.groupsParted++;
    if (step > this.#toldStep && step !== Number.NEGATIVE_INFINITY) this.#tell(step);
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#bytes === 0) return;
    for (const { held } of this.#members.values()) if (held.length > 0) sinceMs = Math.min(sinceMs, held[0].atMs);
    const waitMs = Math.max(1, sinceMs + LAG_MS_MAX - nowMs);
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#move());
  }

  /** Somebody has points, and is for the client not there. */
  #isParted(step: number): boolean {
    for (const member of this.#members.values()) if (member.step !== null && member.sentStep < step) return true;
    return false;
  }

  /** Sends what is held up to a step; how many frames. What has no watermark, and a snapshot, waits only for what came before it. */
  #release(member: Member, step: number): number {
    let count = 0;
    for (const { frame } of member.held) {
      if (frame.phase === 'live' && (stepOf(frame) ?? step) > step) break;
      count++;
    }
    for (const { frame } of member.held.splice(0, count)) {
      this.#bytes -= frame.members.length;
      this.#outbox.offer(member.lane, frame);
      if (frame.more !== true) member.sentStep = stepOf(frame) ?? member.sentStep;
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
    for (const { frame } of member.held) this.#bytes -= frame.members.length;
    member.held = [];
  }
}

// private functions

/** The furthest step, `reached` at most, at which all of them are, or have been told to be by what is held. */
function commonStep(members: readonly Member[], reached: number): number {
  let step = reached;
  for (let moved = true; moved; ) {
    moved = false;
    for (const member of members) {
      const own = ownStep(member, step);
      moved ||= own < step;
      step = Math.min(step, own);
    }
  }
  return step;
}

/** The furthest that a member has been at, up to `step`. */
function ownStep({ sentStep, held }: Member, step: number): number {
  let own = sentStep;
  for (const { frame } of held) {
    const at = frame.more === true ? null : stepOf(frame);
    if (at !== null && at <= step) own = Math.max(own, at);
  }
  return Math.min(own, step);
}

function stepOf({ watermarkMs }: FeedFrame): number | null {
  return watermarkMs === null ? null : Math.floor(watermarkMs / STEP_MS);
}
