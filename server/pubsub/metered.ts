/**
 * A broker that counts: wraps any other and says in the metrics what is published, how long it takes and how it fails. Composed by
 * whoever opens a broker; it changes nothing else.
 */
import type { MessageId } from '../../model/index.ts';
import type { Counter, Histogram, Metrics } from '../telemetry/index.ts';
import {
  type Broker,
  type BrokerCapabilities,
  BrokerError,
  type ConsumeOptions,
  type Consumer,
  type Published,
} from './broker.ts';

export function meteredBroker(broker: Broker, metrics: Metrics): Broker {
  return new MeteredBroker(broker, metrics);
}

class MeteredBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly #broker: Broker;
  readonly #metrics: Metrics;
  readonly #published: Counter;
  readonly #duplicates: Counter;
  readonly #bytes: Histogram;
  readonly #tookMs: Histogram;

  constructor(broker: Broker, metrics: Metrics) {
    this.#broker = broker;
    this.#metrics = metrics;
    this.#published = metrics.counter('messages_published');
    this.#duplicates = metrics.counter('messages_duplicate');
    this.#bytes = metrics.histogram('message_bytes');
    this.#tookMs = metrics.histogram('publish_ms');
    this.capabilities = broker.capabilities;
  }

  generation(shard: number): number {
    return this.#broker.generation(shard);
  }

  async publish(shard: number, message: Uint8Array<ArrayBuffer>, id: MessageId): Promise<Published> {
    const bytes = message.byteLength;
    const startMs = performance.now();
    try {
      const published = await this.#broker.publish(shard, message, id);
      if (published.duplicate) {
        this.#duplicates.add();
      } else {
        this.#published.add();
        this.#bytes.observe(bytes);
      }
      this.#tookMs.observe(performance.now() - startMs);
      return published;
    } catch (error) {
      if (error instanceof BrokerError) this.#metrics.counter('publish_failed', { code: error.code }).add();
      throw error;
    }
  }

  consume(options: ConsumeOptions): Promise<Consumer> {
    return this.#broker.consume(options);
  }

  last(shard: number): Promise<number> {
    return this.#broker.last(shard);
  }

  bytes(shard: number): number {
    return this.#broker.bytes(shard);
  }

  forget(shard: number, upTo: number): Promise<void> {
    return this.#broker.forget(shard, upTo);
  }

  close(): Promise<void> {
    return this.#broker.close();
  }
}
