/**
 * Buffers for texts of rows, which are used again on the thread where they were last: new memory has to be mapped and cleared, which takes
 * as long as writing to it does, and a collector that counts it comes by the more often. A buffer may be handed to another thread, which
 * then gives it back to its own.
 */

/** What a writer of texts may expect to have room for. */
export const TEXT_BUFFER_BYTES = 512 * 1024;
/** What is shorter has memory of its own. */
const LENGTH_MIN = 64 * 1024;
/** Buffers that wait on a thread: of a query or two. */
const SPARE_MAX = 8;
const spare: ArrayBuffer[] = [];

/** TEXT_BUFFER_BYTES of anything. */
export function textBuffer(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(spare.pop() ?? new ArrayBuffer(TEXT_BUFFER_BYTES));
}

/** For texts of this length. */
export function textBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length < LENGTH_MIN || length > TEXT_BUFFER_BYTES) return new Uint8Array(length);
  return textBuffer().subarray(0, length);
}

/** Texts that nobody reads any more, in a buffer that nobody else has. */
export function giveBack({ buffer }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer)) return;
  if (buffer.byteLength === TEXT_BUFFER_BYTES && spare.length < SPARE_MAX) spare.push(buffer);
  else buffer.transfer?.(0);
}
