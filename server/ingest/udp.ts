/**
 * The UDP door: datagrams of line protocol, gathered into bodies. It runs on the main thread and knows nothing of decoding:
 * `submit` takes a body to whoever does. A sender hears nothing back, so everything that is dropped is counted by its reason.
 *
 *     socket ─▶ waiting (bounded in bytes) ─▶ bodies in flight (bounded in number) ─▶ submit
 *
 * A datagram stands for itself: one that ends inside a string or in a backslash would swallow the next sender's lines, so it is
 * submitted alone. Order within a sender is kept up to the bodies in flight, which may be written in any order, as UDP allows.
 */
import { createSocket, type Socket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { scanLine } from './line-scan.ts';

/** A body is sent when it has so many bytes: large enough for the decoder, small enough to be written soon. */
const BODY_BYTES = 64 * 1024;
/** … or when its first datagram has waited so long. */
const GATHER_MS = 5;
/** Bodies submitted and not yet answered. */
const BODIES_IN_FLIGHT_MAX = 8;
/** Datagrams that one body may hold, so that empty ones cost no more than full ones. */
const DATAGRAMS_PER_BODY_MAX = 4096;
/** Bytes a waiting datagram is counted as beyond its own: what its buffer object costs. */
const DATAGRAM_OVERHEAD_BYTES = 128;
/** How often the kernel is asked what it dropped. */
const KERNEL_POLL_MS = 1_000;
const RECV_BUFFER_BYTES = 4 * 1024 * 1024;
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** The most that fits a datagram over IPv4. */
const DATAGRAM_BYTES_MAX = 65_507;

const NEWLINE = 10;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * `queue_full`, `oversized`, `failed` (the submit rejected) and `kernel` (dropped before it reached this process) count datagrams;
 * `malformed` counts lines.
 */
export type DropReason = 'queue_full' | 'malformed' | 'oversized' | 'kernel' | 'failed';

export interface UdpDoorOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** SO_RCVBUF asked for; the kernel may give less. */
  readonly recvBufferBytes?: number;
  /** Bytes waiting while as many bodies as allowed are in flight; datagrams beyond are dropped. */
  readonly queueBytesMax?: number;
  readonly datagramBytesMax?: number;
  readonly bodiesInFlightMax?: number;
  /** A body of whole lines from so many datagrams; handed over. Resolves when it is written, with how many lines were bad. */
  readonly submit: (lines: Uint8Array<ArrayBuffer>, datagrams: number) => Promise<{ readonly malformed: number }>;
  /** Every datagram that arrives is counted once as received; dropped ones under their reason too. */
  readonly count: (reason: DropReason | 'received', n: number) => void;
}

export interface UdpDoor {
  readonly address: { readonly host: string; readonly port: number };
  /** Takes no more datagrams; resolves when those that wait have been submitted and answered. Idempotent. */
  close(): Promise<void>;
}

/** Rejects where the address cannot be bound. */
export async function openUdpDoor(options: UdpDoorOptions): Promise<UdpDoor> {
  const socket = createSocket({
    type: isIPv6(options.host) ? 'udp6' : 'udp4',
    recvBufferSize: options.recvBufferBytes ?? RECV_BUFFER_BYTES,
  });
  const gatherer = new Gatherer(options);
  socket.on('message', (datagram) => gatherer.take(datagram));
  await bind(socket, options);
  // What goes wrong later concerns single datagrams (an ICMP answer to nobody); the socket stays usable.
  socket.on('error', () => options.count('failed', 1));
  const { address, port } = socket.address();
  const kernel = watchKernel(port, isIPv6(options.host), options.count);
  let closing: Promise<void> | null = null;
  return {
    address: { host: address, port },
    close(): Promise<void> {
      closing ??= (async () => {
        await kernel.stop();
        await new Promise<void>((resolve) => socket.close(resolve));
        await gatherer.drain();
      })();
      return closing;
    },
  };
}

class Gatherer {
  readonly #options: UdpDoorOptions;
  readonly #inFlightMax: number;
  readonly #queueBytesMax: number;
  readonly #datagramBytesMax: number;
  #waiting: Uint8Array[] = [];
  /** How many of `#waiting` have been sent. */
  #head = 0;
  #waitingBytes = 0;
  #inFlight = 0;
  #timer: NodeJS.Timeout | null = null;
  #drained: (() => void) | null = null;

  constructor(options: UdpDoorOptions) {
    this.#options = options;
    this.#inFlightMax = options.bodiesInFlightMax ?? BODIES_IN_FLIGHT_MAX;
    this.#queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES_MAX;
    this.#datagramBytesMax = options.datagramBytesMax ?? DATAGRAM_BYTES_MAX;
  }

  take(datagram: Uint8Array): void {
    this.#options.count('received', 1);
    if (datagram.length > this.#datagramBytesMax) {
      this.#options.count('oversized', 1);
      return;
    }
    const cost = datagram.length + DATAGRAM_OVERHEAD_BYTES;
    if (this.#waitingBytes + cost > this.#queueBytesMax) {
      this.#options.count('queue_full', 1);
      return;
    }
    this.#waiting.push(datagram);
    this.#waitingBytes += cost;
    if (this.#waitingBytes >= BODY_BYTES) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), GATHER_MS);
  }

  /** Sends everything that waits; resolves when all is answered. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#send();
      this.#settle();
    });
  }

  // private functions

  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#inFlight < this.#inFlightMax && this.#head < this.#waiting.length) this.#submit(this.#takeBody());
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    } else if (this.#head > DATAGRAMS_PER_BODY_MAX) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }

  #takeBody(): { lines: Uint8Array<ArrayBuffer>; datagrams: number } {
    const first = this.#head;
    let bytes = 0;
    while (this.#head < this.#waiting.length && bytes < BODY_BYTES && this.#head - first < DATAGRAMS_PER_BODY_MAX) {
      const datagram = this.#waiting[this.#head];
      const alone = leavesLineOpen(datagram);
      if (alone && this.#head > first) break;
      bytes += datagram.length + 1;
      this.#head++;
      if (alone) break;
    }
    const lines = new Uint8Array(bytes);
    let at = 0;
    for (let i = first; i < this.#head; i++) {
      const datagram = this.#waiting[i];
      lines.set(datagram, at);
      at += datagram.length;
      lines[at++] = NEWLINE;
      this.#waitingBytes -= datagram.length + DATAGRAM_OVERHEAD_BYTES;
    }
    return { lines, datagrams: this.#head - first };
  }

  #submit(body: { lines: Uint8Array<ArrayBuffer>; datagrams: number }): void {
    this.#inFlight++;
    this.#options.submit(body.lines, body.datagrams).then(
      ({ malformed }) => this.#answered('malformed', malformed),
      () => this.#answered('failed', body.datagrams),
    );
  }

  #answered(reason: DropReason, dropped: number): void {
    this.#inFlight--;
    if (dropped > 0) this.#options.count(reason, dropped);
    if (this.#waitingBytes >= BODY_BYTES || this.#drained !== null) this.#send();
    else if (this.#head < this.#waiting.length) this.#timer ??= setTimeout(() => this.#send(), GATHER_MS);
    this.#settle();
  }

  #settle(): void {
    if (this.#inFlight === 0 && this.#head === this.#waiting.length) this.#drained?.();
  }
}

// private functions

function bind(socket: Socket, { host, port }: UdpDoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: host, port }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

/** Would a newline behind this datagram not end its last line? */
function leavesLineOpen(datagram: Uint8Array): boolean {
  if (datagram[datagram.length - 1] !== BACKSLASH && datagram.indexOf(QUOTE) < 0) return false;
  // Two bytes more than the newline: at the very end of a body a backslash escapes nothing.
  const ended = new Uint8Array(datagram.length + 3);
  ended.set(datagram);
  ended[datagram.length] = NEWLINE;
  let at = 0;
  while (at < datagram.length) at = scanLine(ended, at) + 1;
  return at > datagram.length + 1;
}

/** Counts what the kernel drops at the port, where it tells (Linux: last column of /proc/net/udp). */
function watchKernel(port: number, v6: boolean, count: UdpDoorOptions['count']): { stop(): Promise<void> } {
  let counted = 0;
  async function look(): Promise<void> {
    const drops = await kernelDrops(port, v6);
    if (drops > counted) count('kernel', drops - counted);
    counted = Math.max(counted, drops);
  }
  const timer = setInterval(() => void look(), KERNEL_POLL_MS);
  timer.unref();
  return {
    stop(): Promise<void> {
      clearInterval(timer);
      return look();
    },
  };
}

async function kernelDrops(port: number, v6: boolean): Promise<number> {
  const table = await readFile(v6 ? '/proc/net/udp6' : '/proc/net/udp', 'utf8').catch(() => '');
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let drops = 0;
  for (const row of table.split('\n').slice(1)) {
    const columns = row.trim().split(/\s+/);
    if (columns[1]?.endsWith(local)) drops += Number(columns.at(-1));
  }
  return drops;
}
