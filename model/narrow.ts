/**
 * Numbers of a batch as narrow as they can be, and back. Doubles whose values are whole and small are written as 8, 16 or 32-bit
 * integers, indexes by the size of what they index, times as multiples of the largest usual unit. Exact: what is read is what was
 * written, but for the sign of zero, which keeps a column of floats wide. Pure; called by `batch.ts`.
 */
import type { Presence } from './column.ts';

/** First size of a scratch, and the largest that is kept from one message to the next. */
const SCRATCH_BYTES_MIN = 64 * 1024;
const SCRATCH_BYTES_MAX = 64 * 1024 * 1024;
/** What is smaller may lie in a buffer that is shared. */
const FREED_BYTES_MIN = 64 * 1024;
/** Of times, ns. */
const UNITS: readonly number[] = [1e9, 1e6, 1e3, 1];

/** Bytes of an element. */
export type Width = 1 | 2 | 4 | 8;
export type TimeForm = { readonly width: Width; readonly unit: number; readonly origin: number };

/**
 * Memory for the doubles of one message, used again for the next: what is read with it holds until its `begin`. One per reader of a
 * stream; without one, every column is an array of its own.
 */
export class BatchScratch {
  #buffer = new ArrayBuffer(SCRATCH_BYTES_MIN);
  #used = 0;
  #wanted = 0;
  #body: Uint8Array | null = null;

  begin(): void {
    if (this.#body !== null) freeBuffer(this.#body);
    this.#body = null;
    if (this.#wanted > this.#buffer.byteLength && this.#wanted <= SCRATCH_BYTES_MAX) {
      this.#buffer = new ArrayBuffer(2 ** Math.ceil(Math.log2(this.#wanted)));
    }
    this.#used = 0;
    this.#wanted = 0;
  }

  /** Memory that nobody else holds, freed when the next message begins. */
  adopt(body: Uint8Array): void {
    this.#body = body;
  }

  doubles(length: number): Float64Array {
    const at = this.#take(8 * length);
    return at < 0 ? new Float64Array(length) : new Float64Array(this.#buffer, at, length);
  }

  indexes(length: number): Uint32Array {
    const at = this.#take(8 * Math.ceil(length / 2));
    return at < 0 ? new Uint32Array(length) : new Uint32Array(this.#buffer, at, length);
  }

  // private functions

  #take(bytes: number): number {
    const at = this.#used;
    this.#wanted += bytes;
    if (at + bytes > this.#buffer.byteLength) return -1;
    this.#used += bytes;
    return at;
  }
}

/**
 * Gives the memory of bytes back now, not when the garbage collector finds them: at hundreds of megabytes a second it would hardly
 * do anything else. They must fill a buffer of their own and are empty afterwards.
 */
export function freeBuffer(bytes: Uint8Array): void {
  const { buffer, byteOffset } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength >= FREED_BYTES_MIN) buffer.transfer(0);
}

/** The least width that holds the values of the rows that have one. */
export function numberWidth(values: Float64Array, rows: number, present: Presence): Width {
  let width: Width = 1;
  for (let row = 0; row < rows; row++) {
    if (present !== null && present[row] === 0) continue;
    const v = values[row];
    const whole = v | 0;
    if (whole !== v || (whole === 0 && Object.is(v, -0))) return 8;
    if (width === 1 && (whole << 24) >> 24 !== whole) width = 2;
    if (width === 2 && (whole << 16) >> 16 !== whole) width = 4;
  }
  return width;
}

/** For indexes below `size`. */
export function indexWidth(size: number): Width {
  return size <= 0x100 ? 1 : size <= 0x10000 ? 2 : 4;
}

/** How the times are written shortest. */
export function timeForm(offsets: Float64Array, rows: number): TimeForm {
  let min = offsets[0];
  let max = offsets[0];
  for (let row = 1; row < rows; row++) {
    const offset = offsets[row];
    if (offset < min) min = offset;
    if (offset > max) max = offset;
  }
  const unit = UNITS.find((candidate) => isMultiple(offsets, rows, min, candidate))!;
  const span = (max - min) / unit;
  if (span > 0xffffffff) return { width: 8, unit: 1, origin: 0 };
  return { width: indexWidth(span + 1), unit, origin: min };
}

/** Element `i` is (value − origin) / unit. `at` is a multiple of 8 in the buffer. */
export function writeTimes(
  offsets: Float64Array,
  rows: number,
  form: TimeForm,
  buffer: ArrayBufferLike,
  at: number,
): void {
  if (form.width === 8) {
    new Float64Array(buffer, at, rows).set(offsets.subarray(0, rows));
    return;
  }
  const { origin } = form;
  const perUnit = 1 / form.unit;
  const target = unsignedArray(form.width, buffer, at, rows);
  // the multiples are exact, so their nearest whole number is
  for (let row = 0; row < rows; row++) target[row] = Math.round((offsets[row] - origin) * perUnit);
}

export function readTimes(target: Float64Array, form: TimeForm, buffer: ArrayBufferLike, at: number): void {
  const { unit, origin } = form;
  const rows = target.length;
  const source = unsignedArray(form.width, buffer, at, rows);
  for (let row = 0; row < rows; row++) target[row] = source[row] * unit + origin;
}

export function writeIndexes(
  values: Uint32Array,
  rows: number,
  width: Width,
  buffer: ArrayBufferLike,
  at: number,
): void {
  unsignedArray(width, buffer, at, rows).set(values.subarray(0, rows));
}

export function readIndexes(target: Uint32Array, width: Width, buffer: ArrayBufferLike, at: number): void {
  target.set(unsignedArray(width, buffer, at, target.length));
}

/** Rows without a value become zero. */
export function writeNumbers(
  values: Float64Array,
  rows: number,
  present: Presence,
  width: Width,
  buffer: ArrayBufferLike,
  at: number,
): void {
  const target = signedArray(width, buffer, at, rows);
  if (present === null) for (let row = 0; row < rows; row++) target[row] = values[row];
  else for (let row = 0; row < rows; row++) target[row] = present[row] === 0 ? 0 : values[row];
}

export function readNumbers(target: Float64Array, width: Width, buffer: ArrayBufferLike, at: number): void {
  const rows = target.length;
  const source = signedArray(width, buffer, at, rows);
  for (let row = 0; row < rows; row++) target[row] = source[row];
}

// private functions

/** Neighbours mostly have the same time. */
function isMultiple(offsets: Float64Array, rows: number, origin: number, unit: number): boolean {
  if (unit === 1) return true;
  const perUnit = 1 / unit;
  let last = origin;
  for (let row = 0; row < rows; row++) {
    const offset = offsets[row];
    if (offset === last) continue;
    last = offset;
    if (Math.round((offset - origin) * perUnit) * unit !== offset - origin) return false;
  }
  return true;
}

function signedArray(
  width: Width,
  buffer: ArrayBufferLike,
  at: number,
  length: number,
): Int8Array | Int16Array | Int32Array | Float64Array {
  if (width === 1) return new Int8Array(buffer, at, length);
  if (width === 2) return new Int16Array(buffer, at, length);
  if (width === 4) return new Int32Array(buffer, at, length);
  return new Float64Array(buffer, at, length);
}

function unsignedArray(
  width: Width,
  buffer: ArrayBufferLike,
  at: number,
  length: number,
): Uint8Array | Uint16Array | Uint32Array {
  if (width === 1) return new Uint8Array(buffer, at, length);
  if (width === 2) return new Uint16Array(buffer, at, length);
  return new Uint32Array(buffer, at, length);
}
