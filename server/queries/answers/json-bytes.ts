/**
 * JSON as bytes, written into one growing buffer: what rows consist of (numbers, short texts, brackets) becomes bytes at once, with no
 * text made for each cell and none encoded afterwards. Numbers are as JavaScript prints them.
 *
 * A float with at most six decimals is written from a whole number: where d / 10^6 is exactly the float and d has no more than 15
 * digits, no shorter decimal can be the same float, so d's digits are what JavaScript would print. Long, as each kind of number has its way.
 */
import { giveBack, TEXT_BUFFER_BYTES, textBuffer } from '../../../query/index.ts';
import {
  NO_NUMBER,
  NOT_SMALL,
  type NumberCells,
  PADDED_TEXTS,
  SMALL_END,
  SMALL_LENGTHS,
  SMALL_TEXTS,
} from './small-numbers.ts';

const FIRST_BYTES = 4096;
/** What grows beyond is written to a text buffer. */
const BUFFER_BYTES_MIN = 64 * 1024;
/** Longer texts are left to the encoder of the platform, whose call costs as much as some dozens of characters. */
const SHORT_TEXT_MAX = 48;
/** A shorter array is copied sooner than it makes a piece. */
const HANDED_BYTES_MIN = 16 * 1024;
/** Of one number. */
const NUMBER_BYTES_MAX = 32;
/** Below it a double has its 15 digits exactly, and dividing it by a billion floors exactly. */
const DIGITS_MAX = 1e15;
const BILLION = 1e9;
const DECIMALS = 6;
const DECIMALS_SCALE = 1e6;
const COMMA = 0x2c;
const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
const encoder = new TextEncoder();
const NONE = new Uint8Array(0);
const NO_VIEW = new DataView(NONE.buffer);
/** A first buffer that nobody has: a new one takes as long as writing some hundred bytes. */
let spare: Uint8Array<ArrayBuffer> | null = null;

export class JsonBytes {
  #bytes = NONE;
  /** Of the same memory. */
  #view = NO_VIEW;
  #at = 0;
  #handed: Uint8Array[] = [];
  #handedBytes = 0;
  #infinite: number | null = null;
  #hasLeft = false;
  readonly #areTexts: boolean;

  /** `areTexts`: of many rows, in text buffers, which whoever reads them gives back. */
  constructor(areTexts = false) {
    this.#areTexts = areTexts;
  }

  get length(): number {
    return this.#handedBytes + this.#at;
  }

  /** Whether any of it was given as pieces. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** The first infinity that was written since it was asked for last, null = none. */
  takeInfinite(): number | null {
    const infinite = this.#infinite;
    this.#infinite = null;
    return infinite;
  }

  /** What was written, copied; nothing is written afterwards. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    this.#letGo();
    return bytes;
  }

  /** What was written, in the array in which it was where little of that is left over; nothing is written afterwards. */
  release(): Uint8Array {
    if (2 * this.#at <= this.#bytes.length) return this.take();
    const bytes = this.#bytes.subarray(0, this.#at);
    this.#use(NONE);
    this.#at = 0;
    return bytes;
  }

  /** The same in pieces, those that were handed over among them as they are. */
  pieces(): Uint8Array[] {
    const pieces = this.#handed;
    if (this.#at > 0) pieces.push(this.take());
    this.#hasLeft ||= pieces.length > 0;
    this.#handed = [];
    this.#handedBytes = 0;
    return pieces;
  }

  /** As `bytes`, for whoever takes pieces: a long array is given on, not copied. The caller has it no more. */
  hand(bytes: Uint8Array): void {
    if (bytes.length < HANDED_BYTES_MIN) {
      this.bytes(bytes);
      return;
    }
    if (this.#at > 0) this.#handed.push(this.take());
    this.#handed.push(bytes);
    this.#handedBytes = this.#handed.reduce((sum, { length }) => sum + length, 0);
  }

  /** Takes over what was written there. */
  takeFrom(other: JsonBytes): void {
    this.#room(other.#at);
    this.#bytes.set(other.#bytes.subarray(0, other.#at), this.#at);
    this.#at += other.#at;
    other.#at = 0;
  }

  /** Room for so many bytes more, where it is known before. */
  reserve(bytes: number): void {
    this.#room(bytes);
  }

  /** Bytes [from, to) of what was written once more; nothing may have been handed over. */
  again(from: number, to: number): void {
    this.#room(to - from);
    this.#bytes.copyWithin(this.#at, from, to);
    this.#at += to - from;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#room(length);
    this.#bytes.set(bytes, this.#at);
    this.#at += length;
  }

  /** Of each column a comma and the number that it has in a row, as `integer` or `float` writes it, or null. */
  numbers({ columns, texts, lengths, values, areFloats }: NumberCells, row: number): void {
    const from = row * columns;
    this.#room(columns * (NUMBER_BYTES_MAX + 1));
    let view = this.#view;
    let at = this.#at;
    for (let c = 0; c < columns; c++) {
      const length = lengths[from + c];
      if (length !== NOT_SMALL && length !== NO_NUMBER) {
        view.setInt32(at, texts[from + c], true);
        at += length;
        continue;
      }
      this.#at = at;
      this.byte(COMMA);
      if (length === NO_NUMBER) this.text('null');
      else if (areFloats[c]) this.float(values[from + c]);
      else this.integer(values[from + c]);
      this.#room((columns - c) * (NUMBER_BYTES_MAX + 1));
      view = this.#view;
      at = this.#at;
    }
    this.#at = at;
  }

  text(text: string): void {
    const { length } = text;
    this.#room(3 * length);
    const bytes = this.#bytes;
    const at = this.#at;
    if (length <= SHORT_TEXT_MAX) {
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[at + i] = code;
      }
      if (i === length) {
        this.#at = at + length;
        return;
      }
    }
    this.#at = at + encoder.encodeInto(text, bytes.subarray(at)).written;
  }

  /** NaN and infinities are null, minus zero has its sign. */
  float(value: number): void {
    const size = Math.abs(value);
    if (!(size < DIGITS_MAX)) {
      this.#large(value);
      return;
    }
    this.#room(NUMBER_BYTES_MAX);
    if (value < 0 || (size === 0 && Object.is(value, -0))) this.#bytes[this.#at++] = MINUS;
    if (Math.floor(size) === size) {
      this.#whole(size);
      return;
    }
    const scaled = Math.round(size * DECIMALS_SCALE);
    if (scaled < DIGITS_MAX && scaled / DECIMALS_SCALE === size) this.#decimal(scaled);
    else this.text(String(size));
  }

  /** A whole number of any size with its exact digits. Minus zero is zero. */
  integer(value: number): void {
    const size = Math.abs(value);
    if (size < DIGITS_MAX) {
      this.#room(NUMBER_BYTES_MAX);
      if (value < 0) this.#bytes[this.#at++] = MINUS;
      this.#whole(size);
    } else this.text(String(BigInt(value)));
  }

  /** The digits of a whole number, at most nine, with zeros in front of it. */
  padded(value: number, digits: number): void {
    this.#room(NUMBER_BYTES_MAX);
    const at = this.#at;
    let left = value;
    let end = at + digits;
    for (; end - at >= 3; end -= 3) {
      const thousands = (left / 1_000) | 0;
      this.#three(end - 3, left - 1_000 * thousands);
      left = thousands;
    }
    const bytes = this.#bytes;
    for (let i = end - 1; i >= at; i--) {
      const tenth = (left / 10) | 0;
      bytes[i] = ZERO + left - tenth * 10;
      left = tenth;
    }
    this.#at = at + digits;
  }

  // private functions

  /** What has more digits than a double holds, or none. */
  #large(value: number): void {
    this.text(Number.isFinite(value) ? String(value) : 'null');
    if (Math.abs(value) === Number.POSITIVE_INFINITY) this.#infinite ??= value;
  }

  #whole(value: number): void {
    if (value >= BILLION) {
      const billions = Math.floor(value / BILLION);
      this.#whole(billions);
      this.padded(value - billions * BILLION, 9);
      return;
    }
    if (value >= SMALL_END) {
      const thousands = (value / 1_000) | 0;
      this.#whole(thousands);
      this.padded(value - 1_000 * thousands, 3);
      return;
    }
    this.#room(4);
    this.#view.setInt32(this.#at, SMALL_TEXTS[value] >>> 8, true);
    this.#at += SMALL_LENGTHS[value] - 1;
  }

  /** Three digits at a place, with nothing behind them that counts. */
  #three(at: number, value: number): void {
    const text = PADDED_TEXTS[value];
    const bytes = this.#bytes;
    bytes[at] = text;
    bytes[at + 1] = text >>> 8;
    bytes[at + 2] = text >>> 16;
  }

  #decimal(scaled: number): void {
    const whole = Math.floor(scaled / DECIMALS_SCALE);
    // as a whole number of the machine, whose remainders are quick
    let decimals = (scaled - whole * DECIMALS_SCALE) | 0;
    let digits = DECIMALS;
    for (; decimals % 10 === 0; decimals = (decimals / 10) | 0) digits--;
    this.#whole(whole);
    this.#bytes[this.#at++] = POINT;
    this.padded(decimals, digits);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    if (this.#bytes === NONE && bytes <= FIRST_BYTES) {
      this.#use(spare ?? new Uint8Array(FIRST_BYTES));
      spare = null;
      return;
    }
    const before = this.#bytes;
    const length = Math.max(before.length * 2, this.#at + bytes);
    const isBuffer = this.#areTexts && length >= BUFFER_BYTES_MIN && length <= TEXT_BUFFER_BYTES;
    const grown = isBuffer ? textBuffer() : new Uint8Array(length);
    grown.set(before.subarray(0, this.#at));
    this.#letGo();
    this.#use(grown);
  }

  /** Of a buffer that another writer may use. */
  #letGo(): void {
    const { length } = this.#bytes;
    if (length === FIRST_BYTES) spare = this.#bytes;
    else if (this.#areTexts && length >= BUFFER_BYTES_MIN) giveBack(this.#bytes);
    else return;
    this.#use(NONE);
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = bytes === NONE ? NO_VIEW : new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}
