/** The NATS broker while its server is killed, away, frozen, full or has forgotten: a real nats-server, ended by its pid. */
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { type Broker, type NatsOptions, openNatsBroker } from '../../server/pubsub/index.ts';
import { codeOf, collect, idOf, publish, publishRange, sleep, textOf, texts, until } from '../support/broker.ts';
import { type NatsServer, startNats } from '../support/nats.ts';

/** Instead of 15 s, so that giving up can be waited for. */
const GONE_AFTER_MS = 1_500;
/** Bytes of a message beside its text. */
const TEXT_BYTES = 8 * 1024;

describe('nats broker faults', () => {
  let nats: NatsServer;
  let brokers: Broker[];

  beforeEach(async () => {
    brokers = [];
    nats = await startNats();
  });
  afterEach(async () => {
    nats.thaw();
    await Promise.all(brokers.map((broker) => broker.close()));
    await nats.stop();
  });

  async function open(options: Partial<NatsOptions> = {}): Promise<Broker> {
    const broker = await openNatsBroker({
      servers: [nats.server],
      shards: [0],
      streamBytesMax: 64 * 1024 * 1024,
      ...options,
    });
    brokers.push(broker);
    return broker;
  }

  it('rides through kills of the server: nothing acknowledged is lost, nothing comes twice', async () => {
    const broker = await open();
    const got = await collect(broker, 0, 1, { unackedMax: 16 });
    const sequences = new Map<string, number>();
    let stopped = false;
    async function produce(producer: number): Promise<void> {
      for (let number = 1; !stopped; number++) {
        const { sequence } = await publish(broker, 0, { producer, number }, `${producer}:${number}`);
        sequences.set(`${producer}:${number}`, sequence);
      }
    }
    const producing = Promise.all([1, 2, 3, 4].map(produce));
    for (let kills = 0; kills < 3; kills++) {
      const before = sequences.size;
      await until(
        () => sequences.size > before + 200,
        () => `${sequences.size - before} publishes`,
      );
      await nats.kill();
      await sleep(200);
      await nats.start();
    }
    const before = sequences.size;
    await until(
      () => sequences.size > before + 200,
      () => `${sequences.size - before} publishes`,
    );
    stopped = true;
    await producing;
    await got.count(sequences.size);
    expect(got.errors).to.deep.equal([]);
    expect(got.deliveries.map(({ sequence }) => sequence)).to.deep.equal(
      Array.from({ length: sequences.size }, (_, i) => i + 1),
    );
    for (const { sequence, payload } of got.deliveries) expect(sequences.get(textOf(payload))).to.equal(sequence);
    for (const producer of [1, 2, 3, 4]) {
      const numbers = got.deliveries.map(({ payload }) => idOf(payload)).filter((id) => id.producer === producer);
      expect(numbers.map(({ number }) => number)).to.deep.equal(numbers.map((_, i) => i + 1));
    }
  });

  it('is gone within its time while the server is away, and works again when it is back', async () => {
    const broker = await open({ goneAfterMs: GONE_AFTER_MS });
    await publishRange(broker, 0, 5, 1, 3);
    const got = await collect(broker, 0, 1);
    await got.count(3);
    await nats.kill();
    const codes = await Promise.all([
      codeOf(publish(broker, 0, { producer: 5, number: 4 }, '5:4')),
      codeOf(broker.last(0)),
      codeOf(broker.consume({ shard: 0, from: 1, unackedMax: 1, deliver: () => undefined, failed: () => undefined })),
    ]);
    expect(codes).to.deep.equal(['gone', 'gone', 'gone']);
    await nats.start();
    await until(
      () => got.deliveries.length >= 3,
      () => 'none',
    );
    // the message that was given up may be there or not: with its id it is there once
    await publishRange(broker, 0, 5, 4, 6);
    await got.count(6);
    await sleep(200);
    expect(got.texts()).to.deep.equal(texts(5, 1, 6));
    expect(got.errors).to.deep.equal([]);
  });

  it('keeps a consumer that is slow alive through a kill', async () => {
    const broker = await open();
    await publishRange(broker, 0, 5, 1, 10);
    const got = await collect(broker, 0, 1, { unackedMax: 3, on: () => undefined });
    await got.count(3);
    await nats.kill();
    await nats.start();
    await publishRange(broker, 0, 5, 11, 12);
    await sleep(500);
    expect(got.texts()).to.deep.equal(texts(5, 1, 3));
    for (let acked = 0; acked < 12; acked++) {
      await got.count(acked + 1);
      got.deliveries[acked].ack();
    }
    expect(got.texts()).to.deep.equal(texts(5, 1, 12));
  });

  it('is gone while the server is frozen, and each message is there once when it thaws', async () => {
    const broker = await open({ goneAfterMs: GONE_AFTER_MS });
    const got = await collect(broker, 0, 1);
    await publishRange(broker, 0, 5, 1, 2);
    await nats.freeze();
    expect(await codeOf(publish(broker, 0, { producer: 5, number: 3 }, '5:3'))).to.equal('gone');
    nats.thaw();
    await publishRange(broker, 0, 5, 3, 5);
    await got.count(5);
    await sleep(200);
    expect(got.texts()).to.deep.equal(texts(5, 1, 5));
  });

  it('takes bounded bytes while the server is away', async () => {
    const broker = await open({ goneAfterMs: GONE_AFTER_MS, queueBytesMax: 4 * TEXT_BYTES });
    await nats.kill();
    const codes = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        codeOf(publish(broker, 0, { producer: 5, number: i + 1 }, 'x'.repeat(TEXT_BYTES))),
      ),
    );
    expect(codes.filter((code) => code === 'full')).to.have.length(3);
    expect(codes.filter((code) => code === 'gone')).to.have.length(3);
  });

  it('says full when the stream is, keeps what is in it, and takes more when there is room', async () => {
    const broker = await open({ streamBytesMax: 20 * TEXT_BYTES });
    let code = 'resolved';
    let number = 0;
    while (code === 'resolved' && number < 40) {
      number++;
      code = await codeOf(publish(broker, 0, { producer: 5, number }, `${number}${'x'.repeat(TEXT_BYTES)}`));
    }
    expect(code).to.equal('full');
    expect(await broker.last(0)).to.equal(number - 1);
    const got = await collect(broker, 0, 1);
    await got.count(number - 1);
    await manage((manager) => manager.streams.purge('S_0_1', { seq: 5 }));
    expect((await publish(broker, 0, { producer: 5, number }, 'again')).sequence).to.equal(number);
    await got.count(number);
    expect(await codeOf(collect(broker, 0, 4))).to.equal('position gone');
    await (await collect(broker, 0, 5)).count(number - 4);
  });

  it('opens while the server is starting, and is gone where none answers', async () => {
    await nats.kill();
    expect(await codeOf(open({ goneAfterMs: 500 }))).to.equal('gone');
    const opening = open();
    await sleep(300);
    await nats.start();
    expect(await (await opening).last(0)).to.equal(0);
  });

  it('ends a consumer with position gone when the stream has forgotten what was read', async () => {
    const broker = await open();
    await publishRange(broker, 0, 5, 1, 10);
    const got = await collect(broker, 0, 1);
    await got.count(10);
    await manage((manager) => manager.streams.delete('S_0_1'));
    await open();
    await until(
      () => got.errors.length > 0,
      () => 'no errors',
    );
    expect(got.errors.map(({ code }) => code)).to.deep.equal(['position gone']);
  });

  it('ends a consumer with position gone when the stream stays away', async () => {
    const broker = await open();
    await publishRange(broker, 0, 5, 1, 3);
    const got = await collect(broker, 0, 1);
    await got.count(3);
    await manage((manager) => manager.streams.delete('S_0_1'));
    await until(
      () => got.errors.length > 0,
      () => 'no errors',
    );
    expect(got.errors.map(({ code }) => code)).to.deep.equal(['position gone']);
  });

  it('ends a consumer with position gone at a hole', async () => {
    const broker = await open();
    await publishRange(broker, 0, 5, 1, 10);
    await manage((manager) => manager.streams.deleteMessage('S_0_1', 6));
    const got = await collect(broker, 0, 1);
    await until(
      () => got.errors.length > 0,
      () => 'no errors',
    );
    expect(got.texts()).to.deep.equal(texts(5, 1, 5));
    expect(got.errors.map(({ code }) => code)).to.deep.equal(['position gone']);
  });

  it('closes in time while the server is away', async () => {
    const broker = await open();
    await nats.kill();
    const publishing = codeOf(publish(broker, 0, { producer: 5, number: 1 }, '5:1'));
    await broker.close();
    expect(await publishing).to.equal('closed');
  });

  /** What an operator does with the server's own tools. */
  async function manage(
    work: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<unknown>,
  ): Promise<void> {
    const connection = await connect({ servers: nats.server });
    try {
      await work(await jetstreamManager(connection));
    } finally {
      await connection.close();
    }
  }
});
