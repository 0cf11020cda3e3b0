/** The embedded broker over files that fail, lose power and lie. */
import { expect } from 'chai';
import { type Broker, openEmbeddedBroker } from '../../../../server/pubsub/index.ts';
import { type FaultPlan, FaultyFiles, type Files, MemoryFiles } from '../../../../storage/index.ts';
import { codeOf, collect, publish, publishRange, sleep, texts, until } from '../../../support/broker.ts';

const LOG = '/data/shard-0/log';

describe('embedded broker faults', () => {
  it('keeps all that was acknowledged through a power cut, at the same sequences', async () => {
    const files = new MemoryFiles();
    const broker = await open(files);
    const acked: string[] = [];
    const publishing = Array.from({ length: 50 }, (_, i) =>
      publish(broker, 0, { producer: 5, number: i + 1 }, `5:${i + 1}`).then(
        () => void acked.push(`5:${i + 1}`),
        () => undefined,
      ),
    );
    await Promise.race(publishing);
    files.crash();
    await Promise.allSettled(publishing);
    expect(acked).to.have.length.greaterThan(0);
    const again = await open(files);
    const got = await collect(again, 0, 1);
    await got.count(acked.length);
    expect(got.texts().slice(0, acked.length)).to.deep.equal(acked);
    await publishRange(again, 0, 5, 1, 60);
    await got.count(60);
    expect(got.texts()).to.deep.equal(texts(5, 1, 60));
    await again.close();
  });

  it('is read only after a failed fsync: that message and all later ones fail, what was there is still delivered', async () => {
    let broken = false;
    const broker = await open(faulty((call) => (broken && call === 'datasync' ? { code: 'failed' } : null)));
    await publishRange(broker, 0, 5, 1, 3);
    broken = true;
    expect(await codeOf(publish(broker, 0, { producer: 5, number: 4 }, '5:4'))).to.equal('read only');
    broken = false;
    expect(await codeOf(publish(broker, 0, { producer: 5, number: 4 }, '5:4'))).to.equal('read only');
    const got = await collect(broker, 0, 1);
    await got.count(3);
    await sleep(50);
    expect(got.texts()).to.deep.equal(texts(5, 1, 3));
    await broker.close();
  });

  it('is full while the disk is, and forgets the refused message, so that it may come again', async () => {
    let full = false;
    const broker = await open(faulty((call) => (full && call === 'write' ? { code: 'no space', bytes: 20 } : null)));
    const got = await collect(broker, 0, 1);
    await publishRange(broker, 0, 5, 1, 2);
    full = true;
    expect(await codeOf(publish(broker, 0, { producer: 5, number: 3 }, '5:3'))).to.equal('full');
    full = false;
    expect(await publish(broker, 0, { producer: 5, number: 3 }, '5:3')).to.deep.equal({
      sequence: 3,
      duplicate: false,
    });
    await got.count(3);
    expect(got.texts()).to.deep.equal(texts(5, 1, 3));
    await broker.close();
  });

  it('does not open a log that is damaged before its end', async () => {
    const files = new MemoryFiles();
    const broker = await open(files);
    await publishRange(broker, 0, 5, 1, 20);
    await broker.close();
    await damage(files);
    expect(await codeOf(open(files))).to.equal('corrupt');
  });

  it('ends a consumer that reads a damaged message, after what is before it', async () => {
    const files = new MemoryFiles();
    const broker = await open(files);
    await publishRange(broker, 0, 5, 1, 20);
    await damage(files);
    const got = await collect(broker, 0, 1);
    await until(
      () => got.errors.length > 0,
      () => 'no errors',
    );
    await sleep(20);
    expect(got.errors.map(({ code }) => code)).to.deep.equal(['corrupt']);
    expect(got.texts()).to.deep.equal(texts(5, 1, got.deliveries.length));
    expect(got.deliveries.length).to.be.lessThan(20);
    await broker.close();
  });
});

function open(files: Files): Promise<Broker> {
  return openEmbeddedBroker({ files, directory: '/data', shards: [0] });
}

function faulty(plan: FaultPlan): Files {
  return new FaultyFiles(new MemoryFiles(), plan);
}

/** Flips a bit in the middle of the first segment, in place. */
async function damage(files: MemoryFiles): Promise<void> {
  const path = `${LOG}/${(await files.list(LOG))[0]}`;
  const bytes = files.bytes(path);
  const at = bytes.length >> 1;
  const file = await files.open(path, 'write');
  await file.write(Uint8Array.of(bytes[at] ^ 4), at);
  await file.datasync();
  await file.close();
}
