/**
 * A consumer of one JetStream stream. Made by nats.ts. The server keeps nothing for it that matters: it makes a short-lived consumer
 * without acknowledgements from the sequence it wants next, and asks for as many messages as may be out. Whatever goes wrong (the
 * server restarts, a leader changes, heartbeats stop, a message is missing, the one who consumes wants some again), the answer is
 * the same: forget that consumer and attach again from the next sequence.
 *
 *     attach ─▶ stream info ─▶ create ─▶ subscribe ─▶ pull(n) ─▶ message … message ─▶ pull(n) …
 *        ▲                                                │
 *        └── lost, returned, silent, out of order, nak ◀──┘
 */
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/transport-node';
import { BrokerError, type ConsumeOptions, type Consumer } from './broker.ts';
import { aligned, deliverMessage } from './deliver.ts';
import { finalErrorOf, isStreamMissing } from './nats-errors.ts';
import type { NatsLink } from './nats-link.ts';
import { type MessageInfo, parseAckSubject } from './nats-names.ts';
import { Unacked } from './unacked.ts';

/** Messages asked for and not here yet: at 512 KiB each 64 MiB, and enough that the server never waits for the next request. */
const PULL_MESSAGES_MAX = 128;
const PULL_EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 1_000;
/** Three heartbeats missed: the consumer is gone. */
const SILENCE_MS = 3_500;
/** The server forgets a consumer that has asked for nothing for so long. */
const INACTIVE_MS = 60_000;
/** A server that has read its store knows its streams: one missing for so long is not there any more. */
const MISSING_MS = 15_000;
const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 1_000;

interface Attachment {
  readonly name: string;
  readonly inbox: string;
  readonly subscription: Subscription;
  /** Asked for and neither here nor given back. */
  asked: number;
  heardMs: number;
}

export class NatsConsumer implements Consumer {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #options: ConsumeOptions;
  readonly #unacked: Unacked;
  readonly #ended: (consumer: NatsConsumer) => void;
  readonly #forgetReturn: () => void;
  readonly #watch: NodeJS.Timeout;
  #next: number;
  #isEnded = false;
  #attachment: Attachment | null = null;
  /** Counts the attempts to attach: whoever waited finds out that another has begun. */
  #attempt = 0;

  constructor(link: NatsLink, stream: string, options: ConsumeOptions, ended: (consumer: NatsConsumer) => void) {
    this.#link = link;
    this.#stream = stream;
    this.#options = options;
    this.#ended = ended;
    this.#next = options.from;
    this.#unacked = new Unacked(options.unackedMax, {
      freed: () => this.#pull(),
      rewound: (sequence) => {
        this.#next = sequence;
        void this.#attach();
      },
    });
    this.#forgetReturn = link.onReturn(() => void this.#attach());
    this.#watch = setInterval(() => this.#checkSilence(), HEARTBEAT_MS);
    void this.#attach();
  }

  async close(): Promise<void> {
    this.#end();
  }

  fail(error: BrokerError): void {
    if (this.#end()) this.#options.failed(error);
  }

  // private functions

  async #attach(): Promise<void> {
    if (this.#isEnded) return;
    const attempt = ++this.#attempt;
    this.#detach();
    let missingSinceMs = Number.POSITIVE_INFINITY;
    for (let waitMs = PAUSE_MIN_MS; ; waitMs = Math.min(2 * waitMs, PAUSE_MAX_MS)) {
      try {
        const name = await this.#create();
        if (attempt === this.#attempt) this.#start(name);
        else this.#remove(name);
        return;
      } catch (error) {
        if (attempt !== this.#attempt) return;
        const final = finalErrorOf(error);
        if (final !== null) {
          this.fail(final);
          return;
        }
        if (!isStreamMissing(error)) missingSinceMs = Number.POSITIVE_INFINITY;
        else missingSinceMs = Math.min(missingSinceMs, performance.now());
        if (performance.now() - missingSinceMs > MISSING_MS) {
          this.fail(new BrokerError('position gone', `stream ${this.#stream} is not there any more`, error));
          return;
        }
        // the server is away or has no leader: it comes back, and this goes on for as long as the consumer lives
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (attempt !== this.#attempt) return;
      }
    }
  }

  /** Makes a consumer on the server and gives its name. */
  async #create(): Promise<string> {
    const { manager } = this.#link;
    const { state } = await manager.streams.info(this.#stream);
    if (this.#next < state.first_seq || this.#next > state.last_seq + 1) {
      const kept = `it has ${state.first_seq} to ${state.last_seq}`;
      throw new BrokerError('position gone', `sequence ${this.#next} is not in stream ${this.#stream}, ${kept}`);
    }
    const { name } = await manager.consumers.add(this.#stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#next,
      inactive_threshold: nanos(INACTIVE_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    return name;
  }

  #start(name: string): void {
    const inbox = createInbox();
    const subscription = this.#link.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (attachment !== this.#attachment) return;
        if (error !== null) void this.#attach();
        else this.#received(attachment, message);
      },
    });
    const attachment: Attachment = { name, inbox, subscription, asked: 0, heardMs: 0 };
    this.#attachment = attachment;
    this.#pull();
  }

  #detach(): void {
    const attachment = this.#attachment;
    if (attachment === null) return;
    this.#attachment = null;
    attachment.subscription.unsubscribe();
    this.#remove(attachment.name);
  }

  #remove(name: string): void {
    if (!this.#link.connected) return;
    // where this does not arrive, the server forgets the consumer by itself
    this.#link.manager.consumers.delete(this.#stream, name).catch(() => undefined);
  }

  /** Asks for what there is room for, not message by message but when half of it is free. */
  #pull(): void {
    const attachment = this.#attachment;
    if (attachment === null) return;
    const most = Math.min(PULL_MESSAGES_MAX, this.#options.unackedMax);
    const room = Math.min(most, this.#options.unackedMax - this.#unacked.size) - attachment.asked;
    if (room <= 0 || (attachment.asked > 0 && room < most / 2)) return;
    attachment.asked += room;
    attachment.heardMs = performance.now();
    const request = { batch: room, expires: nanos(PULL_EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${attachment.name}`;
    this.#link.connection.publish(subject, JSON.stringify(request), { reply: attachment.inbox });
  }

  #received(attachment: Attachment, message: Msg): void {
    attachment.heardMs = performance.now();
    if (message.subject === attachment.inbox) {
      this.#status(attachment, message);
      return;
    }
    const info = parseAckSubject(message.reply ?? '');
    attachment.asked--;
    if (info === null || info.sequence !== this.#next) {
      this.#outOfOrder(info);
      return;
    }
    this.#next++;
    const delivered = deliverMessage(this.#options, this.#unacked, info.sequence, aligned(message.data));
    if (!delivered) this.#end();
    else this.#pull();
  }

  /** A message was lost on its way: attach again. Or it is not in the stream: the first one a consumer gets is the next there is. */
  #outOfOrder(info: MessageInfo | null): void {
    if (info === null || info.consumerSequence > 1 || info.sequence < this.#next) {
      void this.#attach();
      return;
    }
    const text = `sequence ${this.#next} is missing in stream ${this.#stream}, the next is ${info.sequence}`;
    this.fail(new BrokerError('position gone', text));
  }

  /** What the server says instead of a message. */
  #status(attachment: Attachment, message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === 100) return;
    const unserved = Number(message.headers?.get('Nats-Pending-Messages') ?? '');
    if (code === 408 && unserved > 0) {
      attachment.asked = Math.max(0, attachment.asked - unserved);
      this.#pull();
      return;
    }
    void this.#attach();
  }

  #checkSilence(): void {
    const attachment = this.#attachment;
    if (attachment === null || attachment.asked === 0 || !this.#link.connected) return;
    if (performance.now() - attachment.heardMs > SILENCE_MS) void this.#attach();
  }

  /** False if it had ended before. */
  #end(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    this.#attempt++;
    clearInterval(this.#watch);
    this.#forgetReturn();
    this.#detach();
    this.#unacked.clear();
    this.#ended(this);
    return true;
  }
}
