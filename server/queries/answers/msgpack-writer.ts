/** Msgpack: the few types that answers need, written into a growing buffer, in the smallest form of each (msgpack.org/spec). */

const FIRST_BYTES = 64 * 1024;
const encoder = new TextEncoder();

export class MsgpackWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** What was written, copied; the writer is empty afterwards. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return bytes;
  }

  map(size: number): void {
    this.#header(size, 0x80, 0xde);
  }

  array(size: number): void {
    this.#header(size, 0x90, 0xdc);
  }

  nil(): void {
    this.#byte(0xc0);
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  float(value: number): void {
    this.#room(9);
    this.#bytes[this.#at] = 0xcb;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  /** In the forms with a sign, also where there is none: so InfluxDB writes them. */
  integer(value: number | bigint): void {
    const wide = BigInt(value);
    if (wide >= -32n && wide < 128n) this.#byte(Number(wide) & 0xff);
    else this.#signed(wide);
  }

  unsigned(value: number | bigint): void {
    const wide = BigInt(value);
    if (wide < 128n) this.#byte(Number(wide));
    else this.#positive(wide);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    const size = bytes.length;
    this.#room(size + 5);
    if (size < 32) this.#bytes[this.#at++] = 0xa0 | size;
    else if (size < 256) {
      this.#bytes[this.#at++] = 0xd9;
      this.#bytes[this.#at++] = size;
    } else {
      this.#bytes[this.#at] = size < 65536 ? 0xda : 0xdb;
      if (size < 65536) this.#view.setUint16(this.#at + 1, size);
      else this.#view.setUint32(this.#at + 1, size);
      this.#at += size < 65536 ? 3 : 5;
    }
    this.#bytes.set(bytes, this.#at);
    this.#at += size;
  }

  /** Time as InfluxDB writes it: extension 5, seconds as int64 and nanoseconds as int32. */
  time(ns: bigint): void {
    let seconds = ns / 1_000_000_000n;
    let rest = ns % 1_000_000_000n;
    if (rest < 0n) {
      seconds -= 1n;
      rest += 1_000_000_000n;
    }
    this.#room(15);
    this.#bytes.set([0xc7, 12, 5], this.#at);
    this.#view.setBigInt64(this.#at + 3, seconds);
    this.#view.setInt32(this.#at + 11, Number(rest));
    this.#at += 15;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  // private functions

  #header(size: number, fix: number, code16: number): void {
    this.#room(5);
    if (size < 16) this.#bytes[this.#at++] = fix | size;
    else if (size < 65536) {
      this.#bytes[this.#at] = code16;
      this.#view.setUint16(this.#at + 1, size);
      this.#at += 3;
    } else {
      this.#bytes[this.#at] = code16 + 1;
      this.#view.setUint32(this.#at + 1, size);
      this.#at += 5;
    }
  }

  #signed(value: bigint): void {
    this.#room(9);
    const at = this.#at;
    const bits = [8, 16, 32].find((size) => BigInt.asIntN(size, value) === value) ?? 64;
    this.#bytes[at] = bits === 8 ? 0xd0 : bits === 16 ? 0xd1 : bits === 32 ? 0xd2 : 0xd3;
    if (bits === 8) this.#view.setInt8(at + 1, Number(value));
    else if (bits === 16) this.#view.setInt16(at + 1, Number(value));
    else if (bits === 32) this.#view.setInt32(at + 1, Number(value));
    else this.#view.setBigInt64(at + 1, value);
    this.#at += 1 + bits / 8;
  }

  #positive(value: bigint): void {
    this.#room(9);
    const at = this.#at;
    const bits = value < 2n ** 8n ? 8 : value < 2n ** 16n ? 16 : value < 2n ** 32n ? 32 : 64;
    this.#bytes[at] = bits === 8 ? 0xcc : bits === 16 ? 0xcd : bits === 32 ? 0xce : 0xcf;
    if (bits === 8) this.#view.setUint8(at + 1, Number(value));
    else if (bits === 16) this.#view.setUint16(at + 1, Number(value));
    else if (bits === 32) this.#view.setUint32(at + 1, Number(value));
    else this.#view.setBigUint64(at + 1, value);
    this.#at += 1 + bits / 8;
  }

  #byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
