import { expect } from 'chai';
import { parseAckSubject, streamName } from '../../../../server/pubsub/nats-names.ts';

describe('names in NATS', () => {
  it('names a stream and its subject by shard and generation', () => {
    expect(streamName(7, 2)).to.deep.equal({ stream: 'S_7_2', subject: 'ing.7.2' });
  });

  it('reads the sequences out of acknowledgement subjects, with and without a domain', () => {
    const expected = { sequence: 1234, consumerSequence: 56 };
    for (const subject of [
      '$JS.ACK.S_7_2.abc.1.1234.56.1700000000000000000.8',
      '$JS.ACK._.hash.S_7_2.abc.1.1234.56.1700000000000000000.8',
      '$JS.ACK.domain.hash.S_7_2.abc.1.1234.56.1700000000000000000.8.random',
    ]) {
      expect(parseAckSubject(subject), subject).to.deep.equal(expected);
    }
  });

  it('takes nothing else for one', () => {
    for (const subject of ['', '_INBOX.a.b', '$JS.ACK', '$JS.API.a.b.c.d.e.f.g', '$JS.ACK.s.c.1.x.y.0.0']) {
      expect(parseAckSubject(subject), subject).to.equal(null);
    }
  });
});
