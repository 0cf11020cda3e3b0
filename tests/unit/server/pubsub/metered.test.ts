import { expect } from 'chai';
import { meteredBroker, meteredFiles, openEmbeddedBroker } from '../../../../server/pubsub/index.ts';
import { Metrics, toVars } from '../../../../server/telemetry/index.ts';
import { MemoryFiles } from '../../../../storage/index.ts';
import { codeOf, collect, publish, publishRange } from '../../../support/broker.ts';

describe('metered broker', () => {
  it('counts what is published, refused as a duplicate and failed', async () => {
    const metrics = new Metrics();
    const inner = await openEmbeddedBroker({
      files: meteredFiles(new MemoryFiles(), metrics),
      directory: '/data',
      shards: [0],
      messageBytesMax: 1024,
    });
    const broker = meteredBroker(inner, metrics);
    await publishRange(broker, 0, 5, 1, 3);
    await publish(broker, 0, { producer: 5, number: 3 }, '5:3');
    const code = await codeOf(publish(broker, 0, { producer: 5, number: 4 }, 'x'.repeat(2000)));
    expect(code).to.equal('too large');
    await (await collect(broker, 0, 1)).count(3);
    expect(await broker.last(0)).to.equal(3);
    expect(broker.capabilities).to.equal(inner.capabilities);
    await broker.close();
    const vars = toVars(metrics.snapshot());
    expect(vars).to.deep.include({
      messages_published: 3,
      messages_duplicate: 1,
      publish_failed: { 'code=too large': 1 },
    });
    // one of the new segment, one per lone publish
    expect(vars['fsync_ms']).to.include({ count: 4 });
    expect(vars['publish_ms']).to.include({ count: 4 });
    expect(vars['message_bytes']).to.include({ count: 3 });
  });
});
