/** Peers over a real MessageChannel: calls, failures, pulled streams, notices, buffers that move. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { expect } from 'chai';
import { type Handlers, handOver, Peer, PeerError } from '../../../../server/workers/peer.ts';

const NOTHING: Handlers = { calls: {}, streams: {}, notices: {} };

describe('peer', () => {
  const ports: MessagePort[] = [];
  afterEach(() => {
    for (const port of ports.splice(0)) port.close();
  });

  function pair(handlers: Partial<Handlers>): Peer {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    new Peer(port2, { ...NOTHING, ...handlers });
    return new Peer(port1, NOTHING);
  }

  it('answers calls that run at the same time, each with its own answer', async () => {
    const peer = pair({ calls: { double: async ({ n }: { n: number }) => ({ n: n * 2 }) } });
    const answers = await Promise.all([1, 2, 3].map((n) => peer.call<{ n: number }>('double', { n })));
    expect(answers.map(({ n }) => n)).to.deep.equal([2, 4, 6]);
  });

  it('brings an expected failure over with its code and place, and a bug as internal', async () => {
    const peer = pair({
      calls: {
        refuse: () => Promise.reject(Object.assign(new Error('found x'), { code: 'parse', at: 7 })),
        break: () => Promise.reject(new Error('oops')),
      },
    });
    const refused = await peer.call('refuse', {}).catch((error: PeerError) => error);
    expect(refused).to.be.instanceOf(PeerError);
    expect(refused).to.include({ code: 'parse', message: 'found x', at: 7 });
    expect(await peer.call('break', {}).catch((error: PeerError) => error.code)).to.equal('internal');
  });

  it('pulls a stream item by item: a producer is a few items ahead of its reader at most', async () => {
    let made = 0;
    const peer = pair({
      streams: {
        async *count() {
          for (;;) yield { n: ++made };
        },
      },
    });
    const seen: number[] = [];
    for await (const { n } of peer.stream<{ n: number }>('count', {})) {
      seen.push(n);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(made).to.be.within(n, n + 3);
      if (n === 5) break;
    }
    expect(seen).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('tells a producer at work that its reader wants no more, and the reader need not wait for it', async () => {
    let told: unknown = null;
    const peer = pair({
      streams: {
        async *endless(_: object, signal: AbortSignal) {
          yield { n: 1 };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          told = signal.reason;
          throw signal.reason;
        },
      },
    });
    const reader = new AbortController();
    const items = peer.stream<{ n: number }>('endless', {}, reader.signal);
    expect((await items.next()).value).to.deep.equal({ n: 1 });
    setTimeout(() => reader.abort(new Error('enough')), 5);
    expect(await items.next().catch((error: Error) => error.message)).to.equal('enough');
    for (let n = 0; n < 200 && told === null; n++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((told as Error).message).to.equal('the reader wants no more');
  });

  it('says the end behind the last item, unasked', async () => {
    const peer = pair({
      streams: {
        async *items() {
          yield { n: 1 };
          yield { n: 2 };
        },
      },
    });
    for (const pauseMs of [0, 10]) {
      const seen: number[] = [];
      for await (const { n } of peer.stream<{ n: number }>('items', {})) {
        seen.push(n);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      expect(seen, `pause ${pauseMs}`).to.deep.equal([1, 2]);
    }
  });

  it('stops the producer when the reader leaves', async () => {
    let stopped = (): void => undefined;
    const ended = new Promise<void>((resolve) => (stopped = resolve));
    const peer = pair({
      streams: {
        async *items() {
          try {
            for (;;) yield {};
          } finally {
            stopped();
          }
        },
      },
    });
    for await (const _ of peer.stream('items', {})) break;
    await ended;
  });

  it('ends the wait of a reader that is given up, or leaves, at once; the producer hears of both', async () => {
    const told: string[] = [];
    const peer = pair({
      streams: {
        async *silent({ name }: { name: string }, signal: AbortSignal) {
          yield { n: 1 };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          told.push(name);
          yield { n: 2 };
        },
      },
    });
    for (const name of ['left', 'given up']) {
      const items = peer.stream<{ n: number }>('silent', { name });
      expect((await items.next()).value).to.deep.equal({ n: 1 });
      const waiting = items.next().catch((error: Error) => error.message);
      if (name === 'left') await items.return();
      else await items.throw(new Error('no time'));
      expect(await waiting).to.deep.equal(name === 'left' ? { done: true, value: undefined } : 'no time');
      expect(await items.next()).to.deep.equal({ done: true, value: undefined });
      for (let n = 0; n < 200 && !told.includes(name); n++) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(told).to.include(name);
    }
  });

  it('opens nothing for a reader that was given up before it asked', async () => {
    let opened = 0;
    const peer = pair({
      streams: {
        async *items() {
          opened++;
          yield {};
        },
      },
      calls: { ping: () => ({}) },
    });
    const before = peer.stream('items', {}, AbortSignal.abort(new Error('too late')));
    expect(await before.next().catch((error: Error) => error.message)).to.equal('too late');
    const given = peer.stream('items', {});
    await given.throw(new Error('no time'));
    expect(await given.next().catch((error: Error) => error.message)).to.equal('no time');
    await peer.call('ping', {});
    expect(opened).to.equal(0);
  });

  it('moves the bytes of a stream', async () => {
    const sent: Uint8Array[] = [];
    const peer = pair({
      streams: {
        async *bytes() {
          const piece = Uint8Array.of(1, 2, 3);
          sent.push(piece);
          yield piece;
        },
      },
    });
    for await (const piece of peer.stream<Uint8Array>('bytes', {})) expect([...piece]).to.deep.equal([1, 2, 3]);
    expect(sent.map(({ length }) => length)).to.deep.equal([0]);
  });

  it('ends a stream with the error of its producer', async () => {
    const peer = pair({
      streams: {
        async *items() {
          yield { n: 1 };
          throw Object.assign(new Error('too many'), { code: 'invalid' });
        },
      },
    });
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const item of peer.stream('items', {})) seen.push(item);
    };
    expect(await read().catch((error: PeerError) => error.code)).to.equal('invalid');
    expect(seen).to.deep.equal([{ n: 1 }]);
  });

  it('moves the buffers that are handed over, and keeps notices and answers in order', async () => {
    const heard: string[] = [];
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const far = new Peer(port2, {
      ...NOTHING,
      calls: {
        ask: ({ bytes }: { bytes: Uint8Array }) => {
          far.notify('say', { text: 'before' });
          return { length: bytes.length };
        },
      },
    });
    const near = new Peer(port1, { ...NOTHING, notices: { say: ({ text }: { text: string }) => heard.push(text) } });
    const bytes = new Uint8Array(1024);
    const answer = await near.call<{ length: number }>('ask', handOver({ bytes }, [bytes.buffer]));
    expect(answer.length).to.equal(1024);
    expect(bytes.byteLength, 'the sender has it no more').to.equal(0);
    expect(heard).to.deep.equal(['before']);
  });

  it('fails what waits when the other side is gone', async () => {
    const peer = pair({ calls: { never: () => new Promise(() => undefined) } });
    const waiting = peer.call('never', {}).catch((error: Error) => error.message);
    peer.close(new Error('worker 1 ended'));
    expect(await waiting).to.equal('worker 1 ended');
    expect(await peer.call('never', {}).catch((error: Error) => error.message)).to.equal('worker 1 ended');
  });
});
