/** What tests of brokers need: envelopes to publish, and a consumer that remembers what it was given. */
import { encodeControl, type MessageId, readControl, readEnvelopeHeader } from '../../model/index.ts';
import { type Broker, BrokerError, type Consumer, type Delivery, type Published } from '../../server/pubsub/index.ts';
import { NodeFiles } from '../../storage/index.ts';
import { PATIENCE_MS } from './patience.ts';

const { checksum } = new NodeFiles();

/** An envelope whose content is `text`. */
export function message(broker: Broker, shard: number, id: MessageId, text: string): Uint8Array<ArrayBuffer> {
  const address = { ...id, shard, generation: broker.generation(shard) };
  return encodeControl(address, { type: 'create database', database: text }, checksum);
}

export function publish(broker: Broker, shard: number, id: MessageId, text: string): Promise<Published> {
  return broker.publish(shard, message(broker, shard, id, text), id);
}

/** Publishes numbers first … last of a producer, one after another, each with the text `<producer>:<number>`. */
export async function publishRange(
  broker: Broker,
  shard: number,
  producer: number,
  first: number,
  last: number,
): Promise<Published[]> {
  const published: Published[] = [];
  for (let number = first; number <= last; number++) {
    published.push(await publish(broker, shard, { producer, number }, `${producer}:${number}`));
  }
  return published;
}

export function textOf(payload: Uint8Array): string {
  const entry = readControl(payload);
  return entry.type === 'create database' ? entry.database : '';
}

export function idOf(payload: Uint8Array): MessageId {
  const { producer, number } = readEnvelopeHeader(payload);
  return { producer, number };
}

export interface Collected {
  readonly deliveries: Delivery[];
  readonly errors: BrokerError[];
  readonly consumer: Consumer;
  texts(): string[];
  /** Resolves when `count` deliveries have come. */
  count(count: number, withinMs?: number): Promise<void>;
}

/** A consumer that collects; `on` may acknowledge, default: at once. */
export async function collect(
  broker: Broker,
  shard: number,
  from: number,
  options: { unackedMax?: number; on?: (delivery: Delivery) => void } = {},
): Promise<Collected> {
  const deliveries: Delivery[] = [];
  const errors: BrokerError[] = [];
  const { unackedMax = 64, on = (delivery) => delivery.ack() } = options;
  const consumer = await broker.consume({
    shard,
    from,
    unackedMax,
    deliver(delivery) {
      deliveries.push(delivery);
      on(delivery);
    },
    failed: (error) => void errors.push(error),
  });
  return {
    deliveries,
    errors,
    consumer,
    texts: () => deliveries.map((delivery) => textOf(delivery.payload)),
    count: (count, withinMs) =>
      until(
        () => deliveries.length >= count,
        () => `${deliveries.length} of ${count} deliveries`,
        withinMs,
      ),
  };
}

export async function until(condition: () => boolean, what: () => string, withinMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`after ${withinMs} ms there are only ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The code with which a promise is rejected. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof BrokerError) return error.code;
    throw error;
  }
  return 'resolved';
}

/** `<producer>:<first>` … `<producer>:<last>`. */
export function texts(producer: number, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `${producer}:${first + i}`);
}
