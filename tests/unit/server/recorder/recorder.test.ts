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
});
