/**
 * Outbox: everything that is on its way to one client, bounded. While the client takes what it is sent, frames go straight through
 * as the bytes they came in. When it is slow, each subscription holds what comes (`held.ts`); when all of them together hold more
 * than HELD_BYTES_MAX, the largest lets go: it drops what it holds, closes its feed and remembers the cursor of the last frame
 * sent. Once there is room it subscribes again from that cursor, and the log replays what was dropped.
 *
 *     flowing ──slow──▶ holding ──over the limit──▶ dropped ──room──▶ rejoining ──▶ flowing
 *                          └────────────room────────────────────────────────────▶ flowing
 *
 * A client that takes nothing for STALLED_MS has stopped, not slowed down: from then on its subscriptions may hold no more than
 * STALLED_BYTES_MAX together, so that they let go of what they hold and cost nothing until it reads again.
 *
 * So a reader that stops costs a bounded number of bytes, is never cut off, and holds nobody else back. Only one who keeps asking
 * (writes, queries, pings) without reading the replies is disconnected, when the replies exceed REPLY_BYTES_MAX.
 * It does not know what a subscription is; `live-session.ts` opens and closes feeds for it.
 */
import type { Mode } from '../../../client/protocol/index.ts';
import type { FeedFrame } from '../engine.ts';
import type { LiveCounters } from './counters.ts';
import { Held, type HeldFrame } from './held.ts';
import type { SessionClock, Sink } from './sink.ts';

/** Live frames held for one slow client. */
export const HELD_BYTES_MAX = 1024 * 1024;
/** Live frames held for a client that has stopped: with what waits in its socket no more than 64 KiB. */
export const STALLED_BYTES_MAX = 16 * 1024;
/** A client that has taken nothing for so long has stopped. Longer than a busy page keeps its socket waiting. */
export const STALLED_MS = 5_000;
/** A snapshot cannot be replayed from its middle, so more of it may wait; beyond it the subscription ends with an error. */
export const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024;
/** Replies that wait for a client. A query's answer is at most as large (live-session.ts). */
export const REPLY_BYTES_MAX = 8 * 1024 * 1024;

/** WebSocket close code `try again later`. */
const CODE_OVERLOADED = 1013;

const encoder = new TextEncoder();
const CLOSING_BRACE = 0x7d;

/** What an outbox asks of the subscription behind a lane. */
export interface LaneOwner {
  /** Close the feed: what it would say now will be replayed. */
  dropFeed(): void;
  /** Subscribe again from `cursor` ('' = anew). */
  rejoin(cursor: string): void;
  /** The snapshot is too large for this reader: end the subscription. */
  giveUp(): void;
}

export class Lane {
  readonly id: string;
  readonly owner: LaneOwner;
  readonly held = new Held();
  mode: Mode;
  /** Least time between two rows frames; 0 = none. */
  intervalMs: number;
  paused = false;
  dropped = false;
  /** Cursor of the last frame sent. */
  cursor: string;
  nextRowsMs = 0;
  heldSinceMs = 0;
  conflated = 0;
  cancelTimer: (() => void) | null = null;
  readonly #prefixes = new Map<string, Uint8Array>();

  constructor(id: string, owner: LaneOwner, mode: Mode, intervalMs: number, cursor: string) {
    this.id = id;
    this.owner = owner;
    this.mode = mode;
    this.intervalMs = intervalMs;
    this.cursor = cursor;
  }

  /** `{"op":…,"id":…,` + members + `}` */
  frame(op: string, members: Uint8Array): Uint8Array {
    let prefix = this.#prefixes.get(op);
    if (prefix === undefined) {
      prefix = encoder.encode(`{"op":"${op}","id":${JSON.stringify(this.id)},`);
      this.#prefixes.set(op, prefix);
    }
    const frame = new Uint8Array(prefix.length + members.length + 1);
    frame.set(prefix);
    frame.set(members, prefix.length);
    frame[frame.length - 1] = CLOSING_BRACE;
    return frame;
  }
}

export class Outbox {
  readonly #sink: Sink;
  readonly #clock: SessionClock;
  readonly #counters: LiveCounters;
  readonly #lanes = new Set<Lane>();
  #replies: Uint8Array[] = [];
  #replyBytes = 0;
  #full = false;
  #fullSinceMs = 0;
  #closed = false;

  constructor(sink: Sink, clock: SessionClock, counters: LiveCounters) {
    this.#sink = sink;
    this.#clock = clock;
    this.#counters = counters;
  }

  add(lane: Lane): void {
    this.#lanes.add(lane);
  }

  remove(lane: Lane): void {
    lane.held.clear();
    lane.cancelTimer?.();
    lane.cancelTimer = null;
    this.#lanes.delete(lane);
  }

  /** Bytes held for this client: replies and frames. */
  heldBytes(): number {
    let bytes = this.#replyBytes;
    for (const lane of this.#lanes) bytes += lane.held.bytes;
    return bytes;
  }

  /** A frame of the session itself; never dropped, and sent before any held frame of a feed. */
  reply(frame: object): void {
    if (this.#closed) return;
    const bytes = encoder.encode(JSON.stringify(frame));
    this.replyBytes(bytes);
  }

  replyBytes(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (!this.#full && this.#replies.length === 0) {
      this.#send(bytes, '');
      return;
    }
    this.#replies.push(bytes);
    this.#replyBytes += bytes.length;
    if (this.#replyBytes > REPLY_BYTES_MAX) {
      this.end(CODE_OVERLOADED, 'replies are not read');
    }
  }

  /** A frame of a lane's feed: straight through, or held. */
  offer(lane: Lane, frame: FeedFrame): void {
    if (this.#closed || lane.dropped || !this.#lanes.has(lane)) return;
    if (lane.held.empty && this.#mayFlow(lane) && this.#inTime(lane, frame)) {
      this.#sendFrame(lane, frame);
      return;
    }
    if (lane.held.empty) lane.heldSinceMs = this.#clock.nowMs();
    const replaced = lane.held.add(frame, lane.mode);
    lane.conflated += replaced;
    this.#counters.rowsConflated += replaced;
    this.#bound(lane);
    if (!lane.dropped && this.#mayFlow(lane)) this.#schedule(lane);
  }

  /** The sink has room again. */
  drain(): void {
    this.#full = false;
    while (this.#replies.length > 0 && !this.#full) {
      const bytes = this.#replies.shift()!;
      this.#replyBytes -= bytes.length;
      this.#send(bytes, '');
    }
    for (const lane of [...this.#lanes]) {
      if (this.#full) break;
      this.flush(lane);
      // whoever was served goes behind the others, so that one busy lane starves none
      if (this.#full && this.#lanes.delete(lane)) this.#lanes.add(lane);
    }
  }

  /** Sends what a lane holds, as far as there is room. */
  flush(lane: Lane): void {
    if (this.#closed || !this.#mayFlow(lane) || !this.#lanes.has(lane)) return;
    if (!lane.held.empty) this.#flushHeld(lane);
    if (!lane.dropped || !lane.held.empty || !this.#mayFlow(lane)) return;
    lane.dropped = false;
    this.#tellStatus(lane);
    lane.owner.rejoin(lane.cursor);
  }

  /** Closes, and ends the connection behind what has been sent. */
  end(code: number, reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#sink.end(code, reason);
  }

  close(): void {
    this.#closed = true;
    for (const lane of [...this.#lanes]) this.remove(lane);
    this.#replies = [];
    this.#replyBytes = 0;
  }

  // private functions

  #mayFlow(lane: Lane): boolean {
    return !this.#full && !lane.paused && this.#replies.length === 0;
  }

  #inTime(lane: Lane, frame: FeedFrame): boolean {
    return frame.op !== 'rows' || frame.phase === 'snapshot' || this.#clock.nowMs() >= lane.nextRowsMs;
  }

  #schedule(lane: Lane): void {
    if (lane.cancelTimer !== null) return;
    lane.cancelTimer = this.#clock.after(Math.max(0, lane.nextRowsMs - this.#clock.nowMs()), () => {
      lane.cancelTimer = null;
      this.flush(lane);
    });
  }

  #flushHeld(lane: Lane): void {
    if (this.#clock.nowMs() < lane.nextRowsMs) {
      this.#schedule(lane);
      return;
    }
    if (lane.conflated > 0 && !lane.dropped) this.#tellStatus(lane);
    while (!lane.held.empty && !this.#full) {
      for (const frame of lane.held.shift(lane.cursor)) this.#sendFrame(lane, frame);
      if (this.#clock.nowMs() < lane.nextRowsMs && !lane.held.empty) {
        this.#schedule(lane);
        return;
      }
    }
  }

  #sendFrame(lane: Lane, frame: HeldFrame): void {
    if (frame.cursor !== '') lane.cursor = frame.cursor;
    if (frame.op === 'rows') this.#counters.rowsFramesSent++;
    if (frame.op === 'rows' && frame.phase === 'live' && lane.intervalMs > 0) {
      lane.nextRowsMs = this.#clock.nowMs() + lane.intervalMs;
    }
    this.#send(lane.frame(frame.op, frame.members), frame.cursor);
  }

  #send(bytes: Uint8Array, cursor: string): void {
    this.#counters.framesSent++;
    this.#counters.bytesSent += bytes.length;
    if (this.#sink.send(bytes, cursor)) return;
    this.#full = true;
    this.#fullSinceMs = this.#clock.nowMs();
  }

  #tellStatus(lane: Lane): void {
    const lagMs = Math.round(this.#clock.nowMs() - lane.heldSinceMs);
    this.reply({ op: 'status', id: lane.id, lagMs, conflated: lane.conflated });
    lane.conflated = 0;
  }

  /** Keeps the sum of what is held under its limit: the lane with the most lets go. */
  #bound(lane: Lane): void {
    if (lane.held.snapshotBytes > SNAPSHOT_BYTES_MAX) {
      lane.owner.giveUp();
      return;
    }
    const stalled = this.#full && this.#clock.nowMs() - this.#fullSinceMs >= STALLED_MS;
    const bytesMax = stalled ? STALLED_BYTES_MAX : HELD_BYTES_MAX;
    let sum = 0;
    for (const other of this.#lanes) sum += liveBytes(other);
    while (sum > bytesMax) {
      const most = this.#largest(lane);
      sum -= liveBytes(most);
      this.#letGo(most);
    }
  }

  #largest(lane: Lane): Lane {
    let most = lane;
    for (const other of this.#lanes) if (liveBytes(other) > liveBytes(most)) most = other;
    return most;
  }

  #letGo(lane: Lane): void {
    lane.held.dropLive();
    lane.dropped = true;
    this.#counters.overflows++;
    lane.owner.dropFeed();
    // one that waits for its maxHz and not for a slow client can go on when its time has come
    if (this.#mayFlow(lane)) this.#schedule(lane);
  }
}

// private functions

function liveBytes(lane: Lane): number {
  return lane.held.bytes - lane.held.snapshotBytes;
}
