/**
 * Feeds: the subscribers of live queries on the main thread. A feed's home sends every frame once; here it is handed to all that are
 * attached, as the same bytes. Whether a subscriber is attached yet is the home's word, which comes in order with the frames.
 */
import type { FeedFrame } from '../sessions/index.ts';
import type { AttachedNotice, FrameNotice } from './messages.ts';

export type FrameListener = (frame: FeedFrame) => void;

/** `early`: frames that came before the caller had its feed in hand; null from then on. */
type Subscriber = { readonly listener: FrameListener; attached: boolean; early: FeedFrame[] | null };

/** All feeds of one query live on one worker, whatever their epoch: they share its operator. */
export function homeOf(database: string, query: string, workers: number): number {
  let hash = 0;
  for (const text of [database, query])
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return Math.abs(hash) % workers;
}

export class Feeds {
  readonly #feeds = new Map<string, Map<number, Subscriber>>();
  #last = 0;

  /** A new subscriber's number. It hears nothing before `opened`. */
  enter(feed: string, listener: FrameListener): number {
    let members = this.#feeds.get(feed);
    if (members === undefined) this.#feeds.set(feed, (members = new Map()));
    members.set(++this.#last, { listener, attached: false, early: [] });
    return this.#last;
  }

  opened(feed: string, subscriber: number): void {
    const state = this.#feeds.get(feed)?.get(subscriber);
    if (state === undefined) return;
    const early = state.early ?? [];
    state.early = null;
    for (const frame of early) state.listener(frame);
  }

  attached({ feed, subscriber }: AttachedNotice): void {
    const state = this.#feeds.get(feed)?.get(subscriber);
    if (state !== undefined) state.attached = true;
  }

  frame({ feed, to, frame }: FrameNotice): void {
    const members = this.#feeds.get(feed);
    if (members === undefined) return;
    if (to === null) {
      for (const state of members.values()) if (state.attached) deliver(state, frame);
      return;
    }
    const state = members.get(to);
    if (state !== undefined) deliver(state, frame);
  }

  /** False: it had left before. No frame comes after it. */
  leave(feed: string, subscriber: number): boolean {
    const members = this.#feeds.get(feed);
    if (members?.delete(subscriber) !== true) return false;
    if (members.size === 0) this.#feeds.delete(feed);
    return true;
  }
}

// private functions

function deliver(state: Subscriber, frame: FeedFrame): void {
  if (state.early !== null) state.early.push(frame);
  else state.listener(frame);
}
