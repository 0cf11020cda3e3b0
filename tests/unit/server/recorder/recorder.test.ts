/** The recorder behind a broker elsewhere: what does not match its checksum is neither recorded nor applied. */
import { expect } from 'chai';
import { crc32c, encodeControl } from '../../../../model/index.ts';
import type { Broker, ConsumeOptions, Consumer } from '../../../../server/pubsub/index.ts';
import { Recorder } from '../../../../server/recorder/index.ts';
import { MemoryFiles, ShardLog, ShardStore } from '../../../../storage/index.ts';

describe('recorder of a broker elsewhere', () => {
  for (const damaged of [false, true]) {
    it(damaged ? 'refuses a damaged message, by its number' : 'records an intact message', async () => {
      const files = new MemoryFiles();
      const errors: string[] = [];
      const failed = (error: Error): void => void errors.push(error.message);
      const pause = (): Promise<void> => Promise.resolve();
      const store = await ShardStore.open(files, 'shard', {
        shard: 0,
        headBytes: 2 ** 30,
        pause,
        sealed: () => {},
        failed,
      });
      const recorder = new Recorder({
        shard: 0,
        store,
        checksum: crc32c,
        compression: files.compression,
        resolveDelete: () => [],
        failed,
      });
      const log = await ShardLog.open(files, 'log', {
        shard: 0,
        committed: (first, p) => recorder.committed(first, p),
      });
      let consuming: ConsumeOptions | null = null;
      const broker = {
        last: async () => 0,
        consume: async (options: ConsumeOptions): Promise<Consumer> => {
          consuming = options;
          return { close: async () => {} };
        },
      } as unknown as Broker;
      const observer = { batchApplied: () => {}, controlApplied: () => {}, messageApplied: () => {} };
      await recorder.start({ broker, log, observer });
      const address = { producer: 1, number: 1, shard: 0, generation: 1 };
      const payload = encodeControl(address, { type: 'create database', database: 'd' }, crc32c);
      if (damaged) payload[60] ^= 4;
      consuming!.deliver({ sequence: 1, payload, ack: () => {}, nak: () => {} });
      if (!damaged) await recorder.reached(1);
      expect([recorder.applied, log.last]).to.deep.equal(damaged ? [0, 0] : [1, 1]);
      expect(errors.join()).to.match(damaged ? /message 1 .* does not match its checksum/ : /^$/);
      await recorder.close();
      await log.close();
      await store.close();
    });
  }

  it('applies a commit of many messages in turns, in order, and what is left not at all once it is closed', async () => {
    const files = new MemoryFiles();
    const failed = (error: Error): void => {
      throw error;
    };
    const store = await ShardStore.open(files, 'shard', { shard: 0, failed });
    const options = {
      shard: 0,
      store,
      checksum: crc32c,
      compression: files.compression,
      resolveDelete: () => [],
      failed,
    };
    const recorder = new Recorder(options);
    const log = await ShardLog.open(files, 'log', { shard: 0, committed: (first, p) => recorder.committed(first, p) });
    let consuming: ConsumeOptions | null = null;
    const consume = async (options: ConsumeOptions): Promise<Consumer> => {
      consuming = options;
      return { close: async () => {} };
    };
    const broker = { last: async () => 0, consume } as unknown as Broker;
    const applied: number[] = [];
    const acked: number[] = [];
    let others = 0;
    /** How often others had their turn before each message. */
    const turns: number[] = [];
    const messageApplied = (sequence: number): void => {
      if (sequence > 0) applied.push(sequence);
      turns.push(others);
      // longer than a turn may be
      for (const began = performance.now(); performance.now() - began < 4; );
    };
    await recorder.start({
      broker,
      log,
      observer: { batchApplied: () => {}, controlApplied: () => {}, messageApplied },
    });
    const count = (): void => {
      others++;
      if (applied.length < 12) setImmediate(count);
    };
    setImmediate(count);
    for (let sequence = 1; sequence <= 20; sequence++) {
      const address = { producer: 1, number: sequence, shard: 0, generation: 1 };
      const payload = encodeControl(address, { type: 'create database', database: `d${sequence}` }, crc32c);
      consuming!.deliver({ sequence, payload, ack: () => acked.push(sequence), nak: () => {} });
    }
    await recorder.reached(12);
    expect([log.last, applied, acked]).to.deep.equal([20, numbersTo(12), numbersTo(12).slice(0, acked.length)]);
    const last = turns.slice(-10);
    expect(last.slice(1).every((turn, i) => turn > last[i])).to.equal(true);
    await recorder.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([applied.length, recorder.applied]).to.deep.equal([12, 12]);
    await log.close();
    await store.close();
  });
});

// private functions

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
