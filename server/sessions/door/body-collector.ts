/**
 * A body as it comes in: copied into one buffer, never beyond the limit, and never slower than the least rate. Adapters feed it
 * chunks (which may be views that die when the call returns) and tell it the end; whoever asked waits on `whole`.
 */
import type { BodyBuffers } from './body-buffers.ts';
import { BodyError, type DoorLimits } from './door.ts';

/** First buffer where the length is not told. */
const FIRST_BYTES = 16 * 1024;

export interface BodyOptions {
  /** The content-length, or -1. */
  readonly told: number;
  readonly bytesMax: number;
  readonly limits: DoorLimits;
  readonly buffers: BodyBuffers;
  /** Called once if the body was given up: the adapter stops reading. */
  readonly failed: (error: BodyError) => void;
}

export class BodyCollector {
  readonly whole: Promise<Uint8Array<ArrayBuffer>>;
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;
  #settled = false;
  #resolve!: (body: Uint8Array<ArrayBuffer>) => void;
  #reject!: (error: BodyError) => void;
  readonly #bytesMax: number;
  readonly #buffers: BodyBuffers;
  readonly #clock: NodeJS.Timeout;

  constructor({ told, bytesMax, limits, buffers, failed }: BodyOptions) {
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = (error) => {
        reject(error);
        failed(error);
      };
    });
    this.whole.catch(() => {});
    this.#bytesMax = bytesMax;
    this.#buffers = buffers;
    this.#buffer = buffers.take(told >= 0 && told <= bytesMax ? told : Math.min(FIRST_BYTES, bytesMax));
    let periods = 0;
    this.#clock = setInterval(() => {
      periods++;
      const due = (limits.bodyBytesPerSecondMin * limits.bodyGraceMs * periods) / 1000;
      if (this.#length < due) this.fail(new BodyError('too slow', 'body comes too slowly'));
    }, limits.bodyGraceMs);
    this.#clock.unref();
    if (told > bytesMax) this.fail(tooLarge(bytesMax));
  }

  chunk(bytes: Uint8Array): void {
    if (this.#settled) return;
    const length = this.#length + bytes.length;
    if (length > this.#bytesMax) {
      this.fail(tooLarge(this.#bytesMax));
      return;
    }
    if (length > this.#buffer.length) {
      const grown = this.#buffers.take(Math.min(this.#bytesMax, Math.max(length, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffers.giveBack(this.#buffer.buffer);
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  end(): void {
    if (this.#settled) return;
    this.#settle();
    this.#resolve(this.#buffer.subarray(0, this.#length));
  }

  fail(error: BodyError): void {
    if (this.#settled) return;
    this.#settle();
    this.#buffers.giveBack(this.#buffer.buffer);
    this.#buffer = new Uint8Array(0);
    this.#reject(error);
  }

  // private functions

  #settle(): void {
    this.#settled = true;
    clearInterval(this.#clock);
  }
}

// private functions

function tooLarge(bytesMax: number): BodyError {
  return new BodyError('too large', `body is larger than ${bytesMax} bytes`);
}
