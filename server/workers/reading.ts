/**
 * Reading: the reader's end of a stream from another thread (peer.ts): what has come and was not taken, and whoever waits for more. An
 * iterator written out, no generator: a short answer is read once, and each generator that it goes through is a dozen promises.
 */

/** Items that a producer may be ahead of its reader: two round trips less for a short stream, memory for a long one. */
export const ITEMS_AHEAD = 2;

/** Items of a stream, as the reader takes them. One is asked for at a time; `return` and `throw` may come while it is waited for. */
export interface Stream<T> extends AsyncIterableIterator<T, void, void> {
  return(): Promise<IteratorReturnResult<void>>;
  /** Gives the stream up: whoever waits for an item, or asks next, is told this error. */
  throw(error: unknown): Promise<IteratorReturnResult<void>>;
}

/** `open` before anything else; `stop` where the reader leaves before the end, `over` behind it. */
export type ReadingNews = 'open' | 'next' | 'stop' | 'over';

const END = { done: true, value: undefined } as const;

export class Reading implements Stream<unknown> {
  readonly #tell: (news: ReadingNews) => void;
  readonly #signal: AbortSignal | undefined;
  #items: unknown[] = [];
  #taken = 0;
  #state: 'new' | 'open' | 'ended' | 'left' = 'new';
  #failure: unknown = null;
  #waiting: { resolve: (step: IteratorResult<unknown, void>) => void; reject: (error: unknown) => void } | null = null;

  constructor(signal: AbortSignal | undefined, tell: (news: ReadingNews) => void) {
    this.#signal = signal;
    this.#tell = tell;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, void>> {
    if (this.#state === 'new') {
      try {
        this.#open();
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#items.length > 0) {
      const value = this.#items.shift();
      if (this.#state === 'open' && ++this.#taken % ITEMS_AHEAD === 0) this.#tell('next');
      return Promise.resolve({ done: false, value });
    }
    if (this.#state === 'open')
      return new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    const failure = this.#failure;
    this.#leave();
    return failure === null ? Promise.resolve(END) : Promise.reject(failure);
  }

  return(): Promise<IteratorReturnResult<void>> {
    const waiting = this.#waiting;
    this.#leave();
    waiting?.resolve(END);
    return Promise.resolve(END);
  }

  throw(error: unknown): Promise<IteratorReturnResult<void>> {
    this.#abort(error);
    return Promise.resolve(END);
  }

  came(item: unknown, isLast: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (isLast) this.#state = 'ended';
    if (waiting === null) {
      this.#items.push(item);
      return;
    }
    if (!isLast && ++this.#taken % ITEMS_AHEAD === 0) this.#tell('next');
    waiting.resolve({ done: false, value: item });
  }

  /** What failed is told behind the items that have come. */
  ended(failure: Error | null): void {
    const waiting = this.#waiting;
    this.#state = 'ended';
    if (waiting === null) {
      this.#failure = failure;
      return;
    }
    this.#leave();
    if (failure === null) waiting.resolve(END);
    else waiting.reject(failure);
  }

  // private functions

  #open(): void {
    this.#state = 'left';
    this.#signal?.throwIfAborted();
    this.#tell('open');
    this.#state = 'open';
    this.#signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  readonly #aborted = (): void => this.#abort(this.#signal!.reason);

  /** Told to whoever waits, else to whoever asks next. */
  #abort(error: unknown): void {
    const waiting = this.#waiting;
    const wasOver = this.#state === 'left';
    this.#leave();
    if (waiting !== null) waiting.reject(error);
    else if (!wasOver) this.#failure = error;
  }

  #leave(): void {
    const state = this.#state;
    this.#state = 'left';
    this.#waiting = null;
    this.#failure = null;
    this.#items = [];
    if (state === 'left' || state === 'new') return;
    this.#signal?.removeEventListener('abort', this.#aborted);
    this.#tell(state === 'open' ? 'stop' : 'over');
  }
}
