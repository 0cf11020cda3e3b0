/**
 * Broker: the port of the stream. One ordered stream of messages per shard; whoever publishes gets a place in it, whoever consumes
 * says from which place on. Adapters: `embedded.ts` (the shard's own fsynced log is the stream) and `nats.ts` (JetStream).
 *
 * Order of calls: `open` by the adapter's factory, then any of the methods in any order and at the same time, at last `close`,
 * which may be called twice, lets running publishes finish or fail, and ends all consumers without an error.
 *
 * Sequences are whole numbers that grow by at least 1 from message to message, from 1 on; `last` is 0 in an empty stream. A
 * generation names one life of a stream: were the stream ever rebuilt, its sequences would mean nothing in the new one.
 */
import type { MessageId } from '../../model/index.ts';

export interface Published {
  readonly sequence: number;
  /** True: a message with this id is already in the stream at `sequence`, and this one was not added. */
  readonly duplicate: boolean;
}

/**
 * A message with its acknowledgement: at least once, in order. Of one consumer at most `unackedMax` messages are out at a time, so
 * a slow consumer holds its stream back, not its memory. `ack` frees this message and all before it. `nak` asks for this one
 * again, and all behind it come again after it, in order. Both may be called late or twice; only the first call counts.
 */
export interface Delivery {
  readonly sequence: number;
  /** Starts at a multiple of 8 in its buffer. Nobody may change it: others may be reading the same bytes. */
  readonly payload: Uint8Array;
  ack(): void;
  nak(): void;
}

export interface ConsumeOptions {
  readonly shard: number;
  /** First sequence wanted: what one has read, plus 1. Below what is kept → BrokerError `position gone`. */
  readonly from: number;
  readonly unackedMax: number;
  /** Called in order, never again before it has returned. A throw is a programmer's error and ends the process. */
  readonly deliver: (delivery: Delivery) => void;
  /** Called once if the consumer cannot go on (`gone`, `closed`, `position gone`, `corrupt`); not called after `close`. */
  readonly failed: (error: BrokerError) => void;
}

export interface Consumer {
  /** No delivery comes after it; what was not acknowledged comes to the next consumer. */
  close(): Promise<void>;
}

/** What differs between adapters, as data for callers and for the conformance suite. */
export interface BrokerCapabilities {
  /** True: `publish` resolves only when the message is fsynced, and the recorder need not keep a log of its own. */
  readonly durablePublish: boolean;
  /** True: messages live in a process of their own that can go away and come back. */
  readonly remote: boolean;
  readonly messageBytesMax: number;
}

export type BrokerErrorCode =
  /** Queue or stream is full: nothing was published; try again after a pause. */
  | 'full'
  /**
   * The broker cannot be reached, or did not answer in time: the message may or may not be in the stream; publishing it again with its id
   * is safe.
   */
  | 'gone'
  /** Larger than `messageBytesMax`: split it. */
  | 'too large'
  /** The sequence asked for is no longer (or not yet) in the stream. */
  | 'position gone'
  /** Stored bytes do not match their checksum. */
  | 'corrupt'
  /** The disk refused: nothing more will be published until the process has started anew. */
  | 'read only'
  | 'closed';

export class BrokerError extends Error {
  readonly code: BrokerErrorCode;
  constructor(code: BrokerErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export interface Broker {
  readonly capabilities: BrokerCapabilities;
  /** Generation of the shard's stream, as envelopes for it must say. */
  generation(shard: number): number;
  /** The message is in the stream when this resolves (and on disk, where `durablePublish`). Rejects with BrokerError. */
  publish(shard: number, message: Uint8Array<ArrayBuffer>, id: MessageId): Promise<Published>;
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** Sequence of the last message. */
  last(shard: number): Promise<number>;
  /**
   * The shard keeps messages up to this one elsewhere: the adapter may let go of them, as far as it is asked to keep few. Consumers of
   * what is gone meet `position gone`; duplicates of it are recognised all the same. Rejects with BrokerError; call it again later.
   */
  forget(shard: number, upTo: number): Promise<void>;
  /** Of the shard's stream on this machine's disk; 0 where it is kept elsewhere. */
  bytes(shard: number): number;
  close(): Promise<void>;
}
