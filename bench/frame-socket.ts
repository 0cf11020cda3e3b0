/**
 * A WebSocket client that costs a benchmark little: frames come as bytes, unparsed, out of one buffer that all sockets of a thread
 * read into. No compression, no frames in pieces: the servers under measurement send none.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const READ_BYTES = 256 * 1024;
const HEADER_BYTES_MAX = 10;
const OPCODE_TEXT = 1;
const OPCODE_PING = 9;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

const shared = Buffer.allocUnsafe(READ_BYTES);

export class FrameSocket {
  readonly #socket: Socket;
  readonly #took: (frame: Buffer) => void;
  readonly #opened: () => void;
  #open = false;
  /** What has come of a frame, or of the answer to the handshake, that has not come whole. */
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes that the rest needs before it is worth looking at again. */
  #wanted = 0;

  private constructor(url: string, took: (frame: Buffer) => void, opened: () => void, failed: (error: Error) => void) {
    const { hostname, port, pathname } = new URL(url);
    this.#took = took;
    this.#opened = opened;
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (bytes) => {
          this.#read(shared.subarray(0, bytes));
          return true;
        },
      },
    });
    this.#socket.on('error', failed);
    const key = randomBytes(16).toString('base64');
    this.#socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
  }

  /** `took` hears of every text; its bytes are only there until it returns. */
  static connect(url: string, took: (frame: Buffer) => void): Promise<FrameSocket> {
    return new Promise((resolve, reject) => {
      const socket: FrameSocket = new FrameSocket(url, took, () => resolve(socket), reject);
    });
  }

  send(text: string): void {
    this.#write(OPCODE_TEXT, Buffer.from(text));
  }

  /** Reads nothing any more, and leaves the connection as it is. */
  stop(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  go(): void {
    this.#socket.resume();
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  close(): void {
    this.#socket.destroy();
  }

  // private functions

  #write(opcode: number, payload: Buffer): void {
    const mask = randomBytes(4);
    const masked = Buffer.from(payload);
    for (let i = 0; i < masked.length; i++) masked[i] ^= mask[i & 3];
    const length = payload.length;
    const head =
      length < 126
        ? Buffer.from([0x80 | opcode, 0x80 | length])
        : Buffer.from([0x80 | opcode, 0xfe, length >> 8, length]);
    if (length > 0xffff) throw new Error('a frame of more than 64 KiB is not sent by benchmarks');
    this.#socket.write(Buffer.concat([head, mask, masked]));
  }

  #read(bytes: Buffer): void {
    let from = bytes;
    if (this.#rest.length > 0) {
      from = Buffer.concat([this.#rest, bytes]);
      if (from.length < this.#wanted) {
        this.#rest = from;
        return;
      }
    }
    let at = this.#open ? 0 : this.#handshake(from);
    while (this.#open && at < from.length) {
      const end = this.#frame(from, at);
      if (end < 0) break;
      at = end;
    }
    this.#rest = at === from.length ? Buffer.alloc(0) : Buffer.from(from.subarray(at));
  }

  /** Where frames begin; 0 while the answer has not come whole. */
  #handshake(bytes: Buffer): number {
    const end = bytes.indexOf(END_OF_HEAD);
    if (end < 0) return 0;
    if (!bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) throw new Error(bytes.subarray(0, end).toString());
    this.#open = true;
    this.#opened();
    return end + END_OF_HEAD.length;
  }

  /** Where the frame at `at` ends; -1 where it has not come whole. */
  #frame(bytes: Buffer, at: number): number {
    const left = bytes.length - at;
    let head = 2;
    let length = left >= 2 ? bytes[at + 1] & 0x7f : 0;
    if (length === 126 && left >= 4) {
      head = 4;
      length = bytes.readUInt16BE(at + 2);
    } else if (length === 127 && left >= HEADER_BYTES_MAX) {
      head = HEADER_BYTES_MAX;
      length = Number(bytes.readBigUInt64BE(at + 2));
    } else if (left < 2 || length >= 126) {
      this.#wanted = HEADER_BYTES_MAX;
      return -1;
    }
    if (left < head + length) {
      this.#wanted = head + length;
      return -1;
    }
    const opcode = bytes[at] & 0x0f;
    const payload = bytes.subarray(at + head, at + head + length);
    if (opcode === OPCODE_TEXT) this.#took(payload);
    else if (opcode === OPCODE_PING) this.#write(0xa, payload);
    return at + head + length;
  }
}
