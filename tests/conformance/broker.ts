/**
 * What every broker must do. An adapter's test file calls `brokerSuite` with a way to open one; what an adapter cannot do is data in
 * its capabilities. Faults of a remote broker have tests of their own in tests/faults.
 */
import { expect } from 'chai';
import type { Broker, Delivery } from '../../server/pubsub/index.ts';
import {
  type Collected,
  codeOf,
  collect,
  idOf,
  message,
  publish,
  publishRange,
  sleep,
  textOf,
  texts,
  until,
} from '../support/broker.ts';

/** Shards of every broker that a fixture opens. */
export const SHARDS = [0, 1, 7];
/** `messageBytesMax` of every broker that a fixture opens. */
export const MESSAGE_BYTES_MAX = 64 * 1024;

export interface BrokerFixture {
  /** A broker over an empty store. */
  open(): Promise<Broker>;
  /** Another broker over the store opened last, after that broker was closed. */
  reopen(): Promise<Broker>;
  /** After each test: everything made by it is removed. */
  clean(): Promise<void>;
  /** After the last test. */
  end(): Promise<void>;
}

/** Long enough for a delivery that must not come. */
const QUIET_MS = 150;

export function brokerSuite(name: string, makeFixture: () => Promise<BrokerFixture>): void {
  describe(`broker: ${name}`, () => {
    let fixture: BrokerFixture;
    let broker: Broker;

    before(async () => {
      fixture = await makeFixture();
    });
    beforeEach(async () => {
      broker = await fixture.open();
    });
    afterEach(async () => {
      await broker.close();
      await fixture.clean();
    });
    after(() => fixture.end());

    async function reopen(): Promise<void> {
      await broker.close();
      broker = await fixture.reopen();
    }

    describe('publish', () => {
      it('gives ascending sequences from 1 on, and knows the last', async () => {
        expect(await broker.last(0)).to.equal(0);
        const published = await publishRange(broker, 0, 5, 1, 20);
        expect(published[0]).to.deep.equal({ sequence: 1, duplicate: false });
        for (let i = 1; i < published.length; i++) {
          expect(published[i].sequence).to.be.greaterThan(published[i - 1].sequence);
        }
        expect(await broker.last(0)).to.equal(published.at(-1)!.sequence);
      });

      it('refuses a duplicate and says where the first one is', async () => {
        await publishRange(broker, 0, 5, 1, 3);
        expect(await publish(broker, 0, { producer: 5, number: 2 }, '5:2')).to.deep.equal({
          sequence: 2,
          duplicate: true,
        });
        expect(await broker.last(0)).to.equal(3);
      });

      it('refuses duplicates after it was opened anew', async () => {
        await publishRange(broker, 0, 5, 1, 10);
        await reopen();
        for (let number = 1; number <= 10; number++) {
          const again = await publish(broker, 0, { producer: 5, number }, `5:${number}`);
          expect(again).to.deep.equal({ sequence: number, duplicate: true });
        }
        expect(await publish(broker, 0, { producer: 5, number: 11 }, '5:11')).to.deep.equal({
          sequence: 11,
          duplicate: false,
        });
      });

      it('takes one of several messages with the same id published at the same time', async () => {
        const id = { producer: 9, number: 1 };
        const all = await Promise.all(Array.from({ length: 8 }, () => publish(broker, 0, id, 'same')));
        expect(all.filter(({ duplicate }) => !duplicate)).to.have.length(1);
        expect(new Set(all.map(({ sequence }) => sequence)).size).to.equal(1);
        expect(await broker.last(0)).to.equal(1);
      });

      it('keeps what many producers publish at the same time, each once and as published', async () => {
        const producers = [11, 12, 13, 14, 15];
        const published = await Promise.all(
          producers.flatMap((producer) =>
            Array.from({ length: 40 }, (_, i) =>
              publish(broker, 0, { producer, number: i + 1 }, `${producer}:${i + 1}`),
            ),
          ),
        );
        expect(new Set(published.map(({ sequence }) => sequence)).size).to.equal(200);
        const got = await collect(broker, 0, 1);
        await got.count(200);
        for (const { sequence, payload } of got.deliveries) {
          const { producer, number } = idOf(payload);
          expect(textOf(payload)).to.equal(`${producer}:${number}`);
          const at = producers.indexOf(producer) * 40 + number - 1;
          expect(published[at].sequence).to.equal(sequence);
        }
      });

      it('refuses a message that is too large, and takes one that is as large as may be', async () => {
        const { messageBytesMax } = broker.capabilities;
        const id = { producer: 5, number: 1 };
        const overhead = message(broker, 0, id, '').byteLength;
        const fits = 'x'.repeat(messageBytesMax - overhead - 8);
        expect(await codeOf(publish(broker, 0, id, 'x'.repeat(messageBytesMax)))).to.equal('too large');
        expect((await publish(broker, 0, id, fits)).duplicate).to.equal(false);
        const got = await collect(broker, 0, 1);
        await got.count(1);
        expect(got.texts()).to.deep.equal([fits]);
      });

      it('keeps shards apart', async () => {
        await publishRange(broker, 0, 5, 1, 3);
        await publishRange(broker, 1, 5, 1, 2);
        await publishRange(broker, 7, 6, 1, 1);
        expect(await Promise.all(SHARDS.map((shard) => broker.last(shard)))).to.deep.equal([3, 2, 1]);
        const got = await Promise.all(SHARDS.map((shard) => collect(broker, shard, 1)));
        await Promise.all(got.map((g, i) => g.count(3 - i)));
        expect(got.map((g) => g.texts())).to.deep.equal([texts(5, 1, 3), texts(5, 1, 2), texts(6, 1, 1)]);
      });
    });

    describe('consume', () => {
      it('delivers what is there and what comes, in order, with sequences and aligned payloads', async () => {
        await publishRange(broker, 0, 5, 1, 10);
        const got = await collect(broker, 0, 1);
        await publishRange(broker, 0, 5, 11, 30);
        await got.count(30);
        expect(got.texts()).to.deep.equal(texts(5, 1, 30));
        expect(got.deliveries.map(({ sequence }) => sequence)).to.deep.equal(
          Array.from({ length: 30 }, (_, i) => i + 1),
        );
        for (const { payload } of got.deliveries) expect(payload.byteOffset % 8).to.equal(0);
      });

      it('begins in the middle', async () => {
        await publishRange(broker, 0, 5, 1, 10);
        const got = await collect(broker, 0, 7);
        await got.count(4);
        expect(got.texts()).to.deep.equal(texts(5, 7, 10));
      });

      it('begins behind the last message', async () => {
        await publishRange(broker, 0, 5, 1, 3);
        const got = await collect(broker, 0, 4);
        await sleep(QUIET_MS);
        expect(got.deliveries).to.have.length(0);
        await publishRange(broker, 0, 5, 4, 5);
        await got.count(2);
        expect(got.texts()).to.deep.equal(texts(5, 4, 5));
      });

      it('refuses positions that are not in the stream', async () => {
        await publishRange(broker, 0, 5, 1, 3);
        expect(await codeOf(collect(broker, 0, 5))).to.equal('position gone');
        expect(await codeOf(collect(broker, 0, 0))).to.equal('position gone');
      });

      it('serves several consumers of a shard independently', async () => {
        await publishRange(broker, 0, 5, 1, 5);
        const slow = await collect(broker, 0, 1, { unackedMax: 2, on: () => undefined });
        const fast = await collect(broker, 0, 1);
        const late = await collect(broker, 0, 5);
        await publishRange(broker, 0, 5, 6, 12);
        await Promise.all([fast.count(12), late.count(8), slow.count(2)]);
        await sleep(QUIET_MS);
        expect(fast.texts()).to.deep.equal(texts(5, 1, 12));
        expect(late.texts()).to.deep.equal(texts(5, 5, 12));
        expect(slow.texts()).to.deep.equal(texts(5, 1, 2));
      });

      it('has no gap and no repetition where history meets what is published meanwhile', async () => {
        await publishRange(broker, 0, 5, 1, 100);
        const publishing = publishRange(broker, 0, 5, 101, 300);
        const got: Collected[] = [];
        for (const from of [1, 50, 100, 101]) got.push(await collect(broker, 0, from));
        await publishing;
        await Promise.all(got.map((g, i) => g.count(301 - [1, 50, 100, 101][i])));
        await sleep(QUIET_MS);
        [1, 50, 100, 101].forEach((from, i) => {
          expect(got[i].texts()).to.deep.equal(texts(5, from, 300));
        });
      });

      it('never delivers again before the call before has returned', async () => {
        let inside = 0;
        let deepest = 0;
        const got = await collect(broker, 0, 1, {
          unackedMax: 1,
          on(delivery) {
            deepest = Math.max(deepest, ++inside);
            delivery.ack();
            inside--;
          },
        });
        await Promise.all([publishRange(broker, 0, 5, 1, 30), publishRange(broker, 0, 6, 1, 30)]);
        await got.count(60);
        expect(deepest).to.equal(1);
      });

      it('delivers nothing after close, and all of it again to the next consumer', async () => {
        await publishRange(broker, 0, 5, 1, 5);
        const first = await collect(broker, 0, 1, { unackedMax: 3, on: () => undefined });
        await first.count(3);
        await first.consumer.close();
        await first.consumer.close();
        for (const delivery of first.deliveries) delivery.ack();
        await publishRange(broker, 0, 5, 6, 8);
        await sleep(QUIET_MS);
        expect(first.deliveries).to.have.length(3);
        expect(first.errors).to.deep.equal([]);
        const second = await collect(broker, 0, 1);
        await second.count(8);
        expect(second.texts()).to.deep.equal(texts(5, 1, 8));
      });
    });

    describe('acknowledgement', () => {
      it('has at most unackedMax messages out', async () => {
        await publishRange(broker, 0, 5, 1, 20);
        const got = await collect(broker, 0, 1, { unackedMax: 4, on: () => undefined });
        await got.count(4);
        await publishRange(broker, 0, 5, 21, 24);
        await sleep(QUIET_MS);
        expect(got.deliveries).to.have.length(4);
        got.deliveries[0].ack();
        await got.count(5);
        await sleep(QUIET_MS);
        expect(got.deliveries).to.have.length(5);
        got.deliveries[4].ack(); // and all before it
        await got.count(9);
        await sleep(QUIET_MS);
        expect(got.deliveries).to.have.length(9);
        got.deliveries[4].ack();
        got.deliveries[0].nak();
        await sleep(QUIET_MS);
        expect(got.deliveries).to.have.length(9);
        expect(got.texts()).to.deep.equal(texts(5, 1, 9));
      });

      it('delivers again from what was asked for again, in order', async () => {
        await publishRange(broker, 0, 5, 1, 6);
        const got = await collect(broker, 0, 1, { unackedMax: 6, on: () => undefined });
        await got.count(6);
        got.deliveries[2].nak();
        await got.count(10);
        await sleep(QUIET_MS);
        expect(got.texts()).to.deep.equal([...texts(5, 1, 6), ...texts(5, 3, 6)]);
        // dead: settled by the nak of the one before
        got.deliveries[4].ack();
        got.deliveries[5].nak();
        // alive: before the nak
        got.deliveries[1].ack();
        got.deliveries[9].ack();
        await publishRange(broker, 0, 5, 7, 12);
        await got.count(16);
        expect(got.texts().slice(10)).to.deep.equal(texts(5, 7, 12));
      });

      it('takes a nak out of a live delivery', async () => {
        let refused = 0;
        const got = await collect(broker, 0, 1, {
          on(delivery) {
            if (textOf(delivery.payload).endsWith(':3') && refused++ < 3) delivery.nak();
            else delivery.ack();
          },
        });
        await publishRange(broker, 0, 5, 1, 5);
        await got.count(8);
        await sleep(QUIET_MS);
        expect(got.texts().filter((text) => text === '5:3')).to.have.length(4);
        expect(got.texts().at(-1)).to.equal('5:5');
        expect(settled(got.deliveries.map(({ payload }) => textOf(payload)))).to.deep.equal(texts(5, 1, 5));
      });

      it('keeps order whatever a consumer acknowledges, refuses and how late', async () => {
        const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
        console.log(`      seed ${seed}`);
        const random = mulberry32(seed);
        const unackedMax = 1 + Math.floor(random() * 8);
        const out: Delivery[] = [];
        const done: string[] = [];
        let expected = 1;
        const faults: string[] = [];
        const got = await collect(broker, 0, 1, {
          unackedMax,
          on(delivery) {
            if (delivery.sequence !== expected) faults.push(`expected ${expected}, got ${delivery.sequence}`);
            expected = delivery.sequence + 1;
            out.push(delivery);
            if (out.length > unackedMax) faults.push(`${out.length} are out`);
            if (random() < 0.3) settle();
          },
        });
        function settle(): void {
          if (out.length === 0) return;
          const at = Math.floor(random() * out.length);
          if (random() < 0.15) {
            const again = out.splice(at)[0];
            expected = again.sequence;
            again.nak();
          } else {
            const freed = out.splice(0, at + 1);
            for (const { payload } of freed) done.push(textOf(payload));
            freed.at(-1)!.ack();
          }
        }
        const publishing = (async () => {
          for (let number = 1; number <= 200; number++) {
            await publish(broker, 0, { producer: 5, number }, `5:${number}`);
            if (random() < 0.1) await sleep(1);
          }
        })();
        await until(
          () => {
            if (random() < 0.7) settle();
            return done.length >= 200 || faults.length > 0;
          },
          () => `${done.length} messages done`,
        );
        await publishing;
        expect(faults).to.deep.equal([]);
        expect(done).to.deep.equal(texts(5, 1, 200));
        expect(got.errors).to.deep.equal([]);
      });
    });

    describe('close', () => {
      it('may be called twice, lets publishes finish, ends consumers without an error, refuses what comes after', async () => {
        const got = await collect(broker, 0, 1);
        const publishing = Promise.allSettled([publishRange(broker, 0, 5, 1, 1), publishRange(broker, 1, 5, 1, 1)]);
        await Promise.all([broker.close(), broker.close()]);
        await publishing;
        expect(got.errors).to.deep.equal([]);
        expect(await codeOf(collect(broker, 0, 1))).to.equal('closed');
        const id = { producer: 5, number: 2 };
        const bytes = message(broker, 0, id, 'late');
        expect(await codeOf(broker.publish(0, bytes, id))).to.equal('closed');
      });

      it('leaves all that was acknowledged to the next broker, at the same sequences', async () => {
        const before = await publishRange(broker, 0, 5, 1, 50);
        await publishRange(broker, 1, 5, 1, 5);
        await reopen();
        expect(await broker.last(0)).to.equal(before.at(-1)!.sequence);
        const got = await collect(broker, 0, 1);
        const other = await collect(broker, 1, 3);
        await publishRange(broker, 0, 6, 1, 10);
        await Promise.all([got.count(60), other.count(3)]);
        expect(got.texts()).to.deep.equal([...texts(5, 1, 50), ...texts(6, 1, 10)]);
        expect(got.deliveries.slice(0, 50).map(({ sequence }) => sequence)).to.deep.equal(
          before.map(({ sequence }) => sequence),
        );
        expect(other.texts()).to.deep.equal(texts(5, 3, 5));
      });
    });
  });
}

// private functions

/** Texts in the order of their last delivery. */
function settled(all: readonly string[]): string[] {
  return all.filter((text, i) => all.lastIndexOf(text) === i);
}

function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
