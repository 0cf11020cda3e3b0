/**
 * Feed: what the subscribers of one live query share who asked for the same epoch, and for rows that name their series by number or
 * not. Every frame is encoded once, goes to all that are attached, and stays for a while in a ring, so that a client that lost its
 * connection gets exactly the frames it missed.
 */
import type { Epoch } from '../../client/protocol/index.ts';
import type { Emission } from '../../query/index.ts';
import type { FeedFrame } from '../sessions/index.ts';
import { encodeDeleteMembers, encodeRowsMembers, encodeSeriesMembers, SeriesNumbers } from './answers/index.ts';

/** Frames and bytes of them kept per feed: minutes of a window per second, or one burst. */
const RING_FRAMES_MAX = 512;
const RING_BYTES_MAX = 1024 * 1024;
/** Of one frame that tells a client who comes later which series have numbers. */
const SERIES_PER_FRAME = 1_000;

/**
 * What a client hears first: a snapshot, or what it missed. Only the last frame has the cursor. A snapshot without rows is told all
 * the same, so that the client knows where it stands.
 */
export function firstFrames(
  emissions: readonly Emission[],
  epoch: Epoch | null,
  phase: Emission['phase'],
  cursor: string,
  watermarkMs: number | null,
): FeedFrame[] {
  const nothing: Emission = { final: false, rev: 0, phase, tables: [] };
  const list = emissions.length > 0 || phase === 'live' ? emissions : [nothing];
  return list.map((emission, i) => {
    const at = i === list.length - 1 ? cursor : '';
    const frame = emissionFrame({ ...emission, phase }, epoch, null, at);
    return { ...frame, watermarkMs: at === '' ? null : watermarkMs };
  });
}

export class Feed {
  readonly key: string;
  readonly epoch: Epoch | null;
  readonly subscribers = new Set<number>();
  /** Frames `#first` … in order of their numbers, which have no holes. */
  #ring: FeedFrame[] = [];
  #first = 1;
  #bytes = 0;
  /** null = rows name their series each time. */
  readonly #numbers: SeriesNumbers | null;

  constructor(key: string, epoch: Epoch | null, refs: boolean) {
    this.key = key;
    this.epoch = epoch;
    this.#numbers = refs ? new SeriesNumbers() : null;
  }

  get refs(): boolean {
    return this.#numbers !== null;
  }

  /** `more`: others follow that were emitted with it. */
  frame(emission: Emission, cursor: string, watermarkMs: number | null, more: boolean): FeedFrame {
    const frame = emissionFrame(emission, this.epoch, this.#numbers, cursor);
    return { ...frame, watermarkMs, ...(more && { more }) };
  }

  /** What a subscriber has to know before the next frame, or one of the ring. */
  introduction(): FeedFrame[] {
    const heads = this.#numbers?.heads ?? [];
    return Array.from({ length: Math.ceil(heads.length / SERIES_PER_FRAME) }, (_, i) => {
      const from = i * SERIES_PER_FRAME;
      const members = encodeSeriesMembers(from, heads.slice(from, from + SERIES_PER_FRAME));
      return { op: 'series', members, cursor: '', phase: 'live', watermarkMs: null };
    });
  }

  /** Keeps the frame numbered `number`; numbers grow by one, or the ring starts anew. */
  keep(number: number, frame: FeedFrame): void {
    if (number !== this.#first + this.#ring.length) {
      this.#ring = [];
      this.#bytes = 0;
      this.#first = number;
    }
    this.#ring.push(frame);
    this.#bytes += frame.members.byteLength;
    while (this.#ring.length > RING_FRAMES_MAX || (this.#bytes > RING_BYTES_MAX && this.#ring.length > 1)) {
      this.#bytes -= this.#ring.shift()!.members.byteLength;
      this.#first++;
    }
  }

  /** The frames behind number `seen`; null where some of them are no longer (or never were) here. `last` = newest number given out. */
  since(seen: number, last: number): FeedFrame[] | null {
    if (seen === last) return [];
    if (seen > last || seen + 1 < this.#first || this.#first + this.#ring.length !== last + 1) return null;
    return this.#ring.slice(seen + 1 - this.#first);
  }
}

// private functions

/** Rows, or rows that are no more. */
function emissionFrame(
  emission: Emission,
  epoch: Epoch | null,
  numbers: SeriesNumbers | null,
  cursor: string,
): Omit<FeedFrame, 'watermarkMs' | 'more'> {
  const { phase, tables, gone } = emission;
  if (gone !== undefined) {
    return { op: 'delete', members: encodeDeleteMembers(tables, gone.from, epoch, cursor), cursor, phase };
  }
  return {
    op: 'rows',
    members: encodeRowsMembers({ ...emission, cursor }, epoch, numbers ?? undefined),
    cursor,
    phase,
  };
}
