import { expect } from 'chai';
import { Unacked } from '../../../../server/pubsub/unacked.ts';

describe('unacked', () => {
  const payload = new Uint8Array(8);

  function make(max: number): { unacked: Unacked; calls: string[] } {
    const calls: string[] = [];
    const unacked = new Unacked(max, {
      freed: () => void calls.push('freed'),
      rewound: (sequence) => void calls.push(`rewound ${sequence}`),
    });
    return { unacked, calls };
  }

  it('is full at its limit, and an ack frees a message and all before it', () => {
    const { unacked, calls } = make(3);
    const out = [1, 2, 3].map((sequence) => unacked.deliver(sequence, payload));
    expect(unacked.full).to.equal(true);
    out[1].ack();
    expect(unacked.size).to.equal(1);
    out[0].ack();
    out[1].nak();
    expect(calls).to.deep.equal(['freed']);
  });

  it('takes back what is behind a nak, and no earlier', () => {
    const { unacked, calls } = make(9);
    const out = [1, 2, 3, 4].map((sequence) => unacked.deliver(sequence, payload));
    out[2].nak();
    expect(unacked.size).to.equal(2);
    out[3].ack();
    out[3].nak();
    out[2].nak();
    expect(calls).to.deep.equal(['rewound 3']);
    const again = unacked.deliver(3, payload);
    again.ack();
    expect(unacked.size).to.equal(0);
  });

  it('is empty after clear, whatever is called afterwards', () => {
    const { unacked, calls } = make(9);
    const out = [1, 2].map((sequence) => unacked.deliver(sequence, payload));
    unacked.clear();
    out[0].ack();
    out[1].nak();
    expect(calls).to.deep.equal([]);
    expect(unacked.size).to.equal(0);
  });

  it('does not grow with what was acknowledged', () => {
    const { unacked } = make(4);
    for (let sequence = 1; sequence <= 1000; sequence += 2) {
      const first = unacked.deliver(sequence, payload);
      unacked.deliver(sequence + 1, payload);
      first.ack();
      expect(unacked.size).to.equal(1);
      unacked.clear();
    }
  });
});
