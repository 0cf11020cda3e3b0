/**
 * Shard: what one worker holds of one hash range of series — head, recorder, live operators — around its stream. Opened by the
 * worker, closed in reverse. The order inside one turn is always: head applied, then live operators, so both stand at `applied`.
 */
import { join } from 'node:path';
import { Head, NodeFiles, ShardLog } from '../../storage/index.ts';
import type { Broker } from '../pubsub/index.ts';
import type { LiveShards } from '../queries/index.ts';
import { Recorder } from '../recorder/index.ts';
import type { PublishCall } from './messages.ts';

export interface ShardOptions {
  readonly id: number;
  readonly directory: string;
  readonly broker: Broker;
  readonly live: LiveShards;
  readonly failed: (error: Error) => void;
}

export class Shard {
  readonly id: number;
  readonly head: Head;
  readonly broker: Broker;
  readonly recorder: Recorder;
  readonly #ownLog: ShardLog | null;

  private constructor(id: number, head: Head, broker: Broker, recorder: Recorder, ownLog: ShardLog | null) {
    this.id = id;
    this.head = head;
    this.broker = broker;
    this.recorder = recorder;
    this.#ownLog = ownLog;
  }

  /** Resolves when all that the stream holds at present is applied. */
  static async open({ id, directory, broker, live, failed }: ShardOptions): Promise<Shard> {
    const head = new Head();
    const observer = live.observe(id, head, broker);
    let recorder: Recorder | null = null;
    let log: ShardLog | null = null;
    if (!broker.capabilities.durablePublish) {
      log = await ShardLog.open(new NodeFiles(), join(directory, String(id)), {
        shard: id,
        committed: (first, payloads) => recorder!.committed(first, payloads),
      });
    }
    recorder = new Recorder({ shard: id, broker, head, log, observer, failed });
    await recorder.start();
    return new Shard(id, head, broker, recorder, log);
  }

  async publish({ message, id, wait }: PublishCall): Promise<number> {
    const { sequence } = await this.broker.publish(this.id, message, id);
    if (wait) await this.recorder.reached(sequence);
    return sequence;
  }

  async close(): Promise<void> {
    await this.recorder.close();
    await this.#ownLog?.close();
  }
}
