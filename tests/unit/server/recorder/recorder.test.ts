/** The recorder behind a broker elsewhere: what does not match its checksum is neither recorded nor applied. */
import { expect } from 'chai';
import { crc32c, encodeControl } from '../../../../model/index.ts';
import type { Broker, ConsumeOptions } from '../../../../server/pubsub/index.ts';
import { Recorder } from '../../../../server/recorder/index.ts';
import { MemoryFiles, ShardLog, ShardStore } from '../../../../storage/index.ts';

describe('recorder of a broker elsewhere', () => {
  for (const damaged of [false, true]) {
    it(damaged ? 'refuses a damaged message, by its number' : 'records an intact message', async () => {
      const recording = await record(() => {});
      const payload = databaseCreated(1);
      if (damaged) payload[60] ^= 4;
      recording.deliver({ sequence: 1, payload, ack: () => {}, nak: () => {} });
      if (!damaged) await recording.recorder.reached(1);
      expect([recording.recorder.applied, recording.log.last]).to.deep.equal(damaged ? [0, 0] : [1, 1]);
      expect(recording.errors.join()).to.match(damaged ? /message 1 .* does not match its checksum/ : /^$/);
      await recording.close();
    });
  }

  it('applies a commit of many messages in turns, in order, and what is left not at all once it is closed', async () => {
    const applied: number[] = [];
    const acked: number[] = [];
    let others = 0;
    /** How often others had their turn before each message. */
    const turns: number[] = [];
    const recording = await record((sequence) => {
      if (sequence > 0) applied.push(sequence);
      turns.push(others);
      // longer than a turn may be
      for (const began = performance.now(); performance.now() - began < 4; );
    });
    const count = (): void => {
      others++;
      if (applied.length < 12) setImmediate(count);
    };
    setImmediate(count);
    for (let sequence = 1; sequence <= 20; sequence++) {
      const payload = databaseCreated(sequence);
      recording.deliver({ sequence, payload, ack: () => acked.push(sequence), nak: () => {} });
    }
    await recording.recorder.reached(12);
    expect([recording.log.last, applied, acked]).to.deep.equal([
      20,
      numbersTo(12),
      numbersTo(12).slice(0, acked.length),
    ]);
    const last = turns.slice(-10);
    expect(last.slice(1).every((turn, i) => turn > last[i])).to.equal(true);
    await recording.recorder.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([applied.length, recording.recorder.applied]).to.deep.equal([12, 12]);
    await recording.close();
    expect(recording.errors).to.deep.equal([]);
  });
});

// private functions

interface Recording {
  readonly recorder: Recorder;
  readonly log: ShardLog;
  /** Texts of what failed. */
  readonly errors: readonly string[];
  /** As the broker does. */
  readonly deliver: ConsumeOptions['deliver'];
  close(): Promise<void>;
}

/** A recorder that has started, behind a broker that holds nothing yet. */
async function record(messageApplied: (sequence: number) => void): Promise<Recording> {
  const files = new MemoryFiles();
  const errors: string[] = [];
  const failed = (error: Error): void => void errors.push(error.message);
  const store = await ShardStore.open(files, 'shard', { shard: 0, failed });
  const { compression } = files;
  const recorder = new Recorder({ shard: 0, store, checksum: crc32c, compression, resolveDelete: () => [], failed });
  const log = await ShardLog.open(files, 'log', { shard: 0, committed: (first, p) => recorder.committed(first, p) });
  let consuming: ConsumeOptions | null = null;
  const broker = {
    last: async () => 0,
    consume: async (options: ConsumeOptions) => {
      consuming = options;
      return { close: async () => {} };
    },
  } as unknown as Broker;
  const observer = { batchApplied: () => {}, controlApplied: () => {}, messageApplied };
  await recorder.start({ broker, log, observer });
  const close = async (): Promise<void> => {
    await recorder.close();
    await log.close();
    await store.close();
  };
  return { recorder, log, errors, deliver: (delivery) => consuming!.deliver(delivery), close };
}

function databaseCreated(number: number): Uint8Array<ArrayBuffer> {
  const address = { producer: 1, number, shard: 0, generation: 1 };
  return encodeControl(address, { type: 'create database', database: `d${number}` }, crc32c);
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
