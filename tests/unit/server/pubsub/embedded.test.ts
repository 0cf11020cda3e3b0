import { expect } from 'chai';
import { type Broker, openEmbeddedBroker } from '../../../../server/pubsub/index.ts';
import { MemoryFiles } from '../../../../storage/index.ts';
import { codeOf, collect, message, publish, publishRange, textOf, texts, until } from '../../../support/broker.ts';

/** Longer than a turn of delivering. */
const LONG_MS = 10;

describe('embedded broker', () => {
  it('hands a live consumer the very bytes that were published', async () => {
    const broker = await open(new MemoryFiles());
    const got = await collect(broker, 0, 1);
    await publishRange(broker, 0, 5, 1, 1);
    await got.count(1);
    const id = { producer: 5, number: 2 };
    const bytes = message(broker, 0, id, 'second');
    await broker.publish(0, bytes, id);
    await got.count(2);
    expect(got.deliveries[1].payload.buffer).to.equal(bytes.buffer);
    await broker.close();
  });

  it('delivers to live consumers before the publish resolves', async () => {
    const broker = await open(new MemoryFiles());
    const got = await collect(broker, 0, 1);
    await publishRange(broker, 0, 5, 1, 1);
    await got.count(1);
    await publishRange(broker, 0, 5, 2, 2);
    expect(got.texts()).to.deep.equal(texts(5, 1, 2));
    await broker.close();
  });

  it('delivers what takes long in turns, with a round of the event loop for others between any two', async () => {
    const broker = await open(new MemoryFiles());
    let rounds = 0;
    let counting = setImmediate(count);
    function count(): void {
      rounds++;
      counting = setImmediate(count);
    }
    const at: number[] = [];
    const got = await collect(broker, 0, 1, {
      on: (delivery) => {
        at.push(rounds);
        const began = performance.now();
        while (performance.now() - began < LONG_MS);
        delivery.ack();
      },
    });
    await publishRange(broker, 0, 5, 1, 1);
    await got.count(1);
    await Promise.all([2, 3, 4, 5].map((number) => publishRange(broker, 0, 5, number, number)));
    await got.count(5);
    clearImmediate(counting);
    // the turn of the commit itself is not followed by another at the end of the same round
    expect(at[2] - at[1]).to.be.at.least(2);
    for (let i = 2; i + 1 < at.length; i++) expect(at[i + 1] - at[i]).to.be.at.least(1);
    await broker.close();
  });

  it('copies a message that does not start at a multiple of 8', async () => {
    const broker = await open(new MemoryFiles());
    const got = await collect(broker, 0, 1);
    const id = { producer: 5, number: 1 };
    const bytes = message(broker, 0, id, 'text');
    const shifted = new Uint8Array(bytes.byteLength + 3).subarray(3);
    shifted.set(bytes);
    await broker.publish(0, shifted, id);
    await got.count(1);
    expect(got.deliveries[0].payload.byteOffset % 8).to.equal(0);
    expect(got.texts()).to.deep.equal(['text']);
    await broker.close();
  });

  it('gives what it found at opening, in order', async () => {
    const files = new MemoryFiles();
    const first = await open(files);
    await publishRange(first, 0, 5, 1, 3);
    await first.close();
    const found: string[] = [];
    const broker = await openEmbeddedBroker({
      files,
      directory: '/data',
      shards: [0],
      recovered: (shard, sequence, payload) => void found.push(`${shard} ${sequence} ${textOf(payload)}`),
    });
    expect(found).to.deep.equal(['0 1 5:1', '0 2 5:2', '0 3 5:3']);
    await broker.close();
  });

  it('forgets producers beyond its limit', async () => {
    const broker = await openEmbeddedBroker({
      files: new MemoryFiles(),
      directory: '/data',
      shards: [0],
      producersMax: 2,
    });
    for (const producer of [1, 2, 3]) await publishRange(broker, 0, producer, 1, 1);
    expect((await publish(broker, 0, { producer: 3, number: 1 }, '3:1')).duplicate).to.equal(true);
    expect((await publish(broker, 0, { producer: 1, number: 1 }, '1:1')).duplicate).to.equal(false);
    await broker.close();
  });

  it('recognises duplicates of what its log has let go of, after a start too', async () => {
    const files = new MemoryFiles();
    const options = { files, directory: '/data', shards: [0], segmentBytesMax: 1000, logKeepBytes: 0 };
    let broker = await openEmbeddedBroker(options);
    await publishRange(broker, 0, 5, 1, 60);
    await publishRange(broker, 0, 6, 1, 1);
    await broker.forget(0, 50);
    await broker.forget(0, 50);
    expect(await codeOf(collect(broker, 0, 1))).to.equal('position gone');
    await publishRange(broker, 0, 7, 1, 3);
    await broker.close();
    broker = await openEmbeddedBroker(options);
    for (const [producer, number, sequence] of [
      [5, 2, 2],
      [5, 60, 60],
      [6, 1, 61],
      [7, 3, 64],
    ]) {
      const again = await publish(broker, 0, { producer, number }, `${producer}:${number}`);
      expect(again).to.deep.equal({ sequence, duplicate: true });
    }
    const next = await publish(broker, 0, { producer: 5, number: 61 }, '5:61');
    expect(next).to.deep.equal({ sequence: 65, duplicate: false });
    await broker.close();
  });

  it('refuses a log that has let go of messages whose producers nobody knows', async () => {
    const files = new MemoryFiles();
    const options = { files, directory: '/data', shards: [0], segmentBytesMax: 1000, logKeepBytes: 0 };
    const broker = await openEmbeddedBroker(options);
    await publishRange(broker, 0, 5, 1, 60);
    await broker.forget(0, 60);
    await broker.close();
    const table = files.bytes('/data/shard-0/producers');
    table[40] ^= 1;
    files.place('/data/shard-0/producers', table);
    expect(await thrown(openEmbeddedBroker(options))).to.match(/shard-0\/producers at 0/);
    await files.remove('/data/shard-0/producers');
    expect(await thrown(openEmbeddedBroker(options))).to.match(/messages from 1 to \d+ are neither/);
  });

  it('is full when too much waits for the disk, and takes more afterwards', async () => {
    const broker = await openEmbeddedBroker({
      files: new MemoryFiles(),
      directory: '/data',
      shards: [0],
      queueBytesMax: 4096,
    });
    const publishes = Array.from({ length: 10 }, (_, i) =>
      codeOf(publish(broker, 0, { producer: 5, number: i + 1 }, 'x'.repeat(1000))),
    );
    const codes = await Promise.all(publishes);
    expect(codes).to.include('full');
    expect(codes).to.include('resolved');
    const again = await Promise.all(
      codes.map((_, i) => codeOf(publish(broker, 0, { producer: 5, number: 11 + i }, 'small'))),
    );
    expect(new Set(again)).to.deep.equal(new Set(['resolved']));
    await broker.close();
  });

  it('refuses an envelope that says another shard, generation or id', async () => {
    const broker = await open(new MemoryFiles());
    const id = { producer: 5, number: 1 };
    const bytes = message(broker, 1, id, 'text');
    expect(await thrown(broker.publish(0, bytes, id))).to.contain('shard 1');
    expect(await thrown(broker.publish(1, bytes, { producer: 5, number: 2 }))).to.contain('must agree');
    await broker.close();
  });

  it('lets a consumer that lags read from the log, and go live again', async () => {
    const broker = await open(new MemoryFiles());
    let hold = true;
    const got = await collect(broker, 0, 1, {
      unackedMax: 5,
      on: (delivery) => {
        if (!hold) delivery.ack();
      },
    });
    await publishRange(broker, 0, 5, 1, 50);
    await until(
      () => got.deliveries.length === 5,
      () => `${got.deliveries.length}`,
    );
    hold = false;
    got.deliveries[4].ack();
    await got.count(50);
    // one that was delivered before the publish resolved came from memory
    await publishRange(broker, 0, 5, 51, 51);
    await got.count(51);
    await publishRange(broker, 0, 5, 52, 52);
    expect(got.texts()).to.deep.equal(texts(5, 1, 52));
    await broker.close();
  });
});

function open(files: MemoryFiles): Promise<Broker> {
  return openEmbeddedBroker({ files, directory: '/data', shards: [0, 1] });
}

async function thrown(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'nothing';
}
