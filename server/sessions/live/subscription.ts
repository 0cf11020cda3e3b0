/**
 * A subscription of a session: a feed of the engine and the lane of the outbox that it fills. Frames that come before the client
 * has been told `subscribed` wait; a feed that the outbox let go is opened again from the cursor where its client stands.
 *
 *     joining ──▶ open ──dropFeed──▶ closed feed ──rejoin──▶ joining (told nothing) ──▶ open
 */
import type { Mode } from '../../../client/protocol/index.ts';
import { type Engine, EngineError, type Feed, type FeedFrame, type SubscribeRequest } from '../engine.ts';
import { Lane, type LaneOwner, type Outbox } from './outbox.ts';
import type { SessionClock } from './sink.ts';
import type { WatermarkGroup } from './watermark-group.ts';

/** A rejoin that the engine is too busy for is tried again after it. */
const REJOIN_RETRY_MS = 1_000;

export interface SubscriptionHooks {
  /** The engine refused, at first or when rejoining: the subscription is over. */
  failed(error: unknown): void;
}

export class Subscription implements LaneOwner {
  readonly lane: Lane;
  readonly #engine: Engine;
  readonly #outbox: Outbox;
  readonly #clock: SessionClock;
  readonly #request: SubscribeRequest;
  readonly #hooks: SubscriptionHooks;
  /** null = it moves by itself. */
  readonly #group: WatermarkGroup | null;
  #feed: Feed | null = null;
  /** Counts feeds; frames of one that is not the latest are ignored. */
  #turn = 0;
  #closed = false;
  #cancelRetry: (() => void) | null = null;

  constructor(
    id: string,
    request: SubscribeRequest,
    pace: { mode: Mode; maxHz: number },
    parts: {
      engine: Engine;
      outbox: Outbox;
      clock: SessionClock;
      hooks: SubscriptionHooks;
      group: WatermarkGroup | null;
    },
  ) {
    this.#engine = parts.engine;
    this.#outbox = parts.outbox;
    this.#clock = parts.clock;
    this.#hooks = parts.hooks;
    this.#group = parts.group;
    this.#request = request;
    this.lane = new Lane(id, this, pace.mode, intervalMs(pace.maxHz), request.since);
    this.#outbox.add(this.lane);
    this.#group?.join(this.lane);
  }

  open(): Promise<void> {
    return this.#join(this.#request, true);
  }

  update(mode: Mode | undefined, maxHz: number | undefined): void {
    if (mode !== undefined) this.lane.mode = mode;
    if (maxHz === undefined) return;
    this.lane.intervalMs = intervalMs(maxHz);
    this.lane.nextRowsMs = 0;
    this.lane.cancelTimer?.();
    this.lane.cancelTimer = null;
    this.#outbox.flush(this.lane);
  }

  pause(): void {
    this.lane.paused = true;
  }

  resume(): void {
    this.lane.paused = false;
    this.#outbox.flush(this.lane);
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.dropFeed();
    this.#group?.leave(this.lane);
    this.#outbox.remove(this.lane);
  }

  dropFeed(): void {
    this.#turn++;
    this.#feed?.close();
    this.#feed = null;
  }

  rejoin(cursor: string): void {
    const request = cursor === '' ? this.#request : { ...this.#request, since: cursor };
    void this.#join(request, false);
  }

  giveUp(): void {
    this.#hooks.failed(
      new EngineError(
        'too large',
        'the snapshot is larger than a slow reader may leave waiting: narrow its time range, or subscribe with snapshot false',
      ),
    );
  }

  // private functions

  async #join(request: SubscribeRequest, tell: boolean): Promise<void> {
    this.dropFeed();
    const turn = this.#turn;
    let early: FeedFrame[] | null = [];
    try {
      const feed = await this.#engine.subscribe(request, (frame) => {
        if (turn !== this.#turn) return;
        if (early === null) this.#offer(frame);
        else early.push(frame);
      });
      if (turn !== this.#turn || this.#closed) {
        feed.close();
        return;
      }
      this.#feed = feed;
      if (tell) this.#outbox.reply({ op: 'subscribed', id: this.lane.id, query: feed.query });
    } catch (error) {
      if (turn !== this.#turn || this.#closed) return;
      if (!tell && error instanceof EngineError && error.code === 'busy') {
        this.#cancelRetry = this.#clock.after(REJOIN_RETRY_MS, () => this.rejoin(this.lane.cursor));
      } else this.#hooks.failed(error);
      return;
    }
    const waiting = early;
    early = null;
    for (const frame of waiting) if (turn === this.#turn) this.#offer(frame);
  }

  #offer(frame: FeedFrame): void {
    (this.#group ?? this.#outbox).offer(this.lane, frame);
  }
}

// private functions

function intervalMs(maxHz: number): number {
  return maxHz > 0 ? 1000 / maxHz : 0;
}
