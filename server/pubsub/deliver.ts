/** The last step of both adapters: hands one message to the one who consumes. */
import type { ConsumeOptions } from './broker.ts';
import type { Unacked } from './unacked.ts';

/**
 * False: `deliver` threw. That is a bug of the one who consumes, so it ends the process from a turn of its own, where neither the
 * log nor the connection takes it for an error of theirs.
 */
export function deliverMessage(
  options: ConsumeOptions,
  unacked: Unacked,
  sequence: number,
  payload: Uint8Array,
): boolean {
  try {
    options.deliver(unacked.deliver(sequence, payload));
    return true;
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
    return false;
  }
}

/** The bytes themselves, or a copy, so that they start at a multiple of 8 in their buffer. */
export function aligned<T extends ArrayBufferLike>(bytes: Uint8Array<T>): Uint8Array<T> | Uint8Array<ArrayBuffer> {
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}
