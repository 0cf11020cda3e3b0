/** Live queries of the SDK against a server that drops, goes away and is too fast, over real sockets. */
import { expect } from 'chai';
import type { ClientFrame, ServerFrame } from '../../../../client/protocol/index.ts';
import { type LiveEvent, Millrace, MillraceError, type Subscription } from '../../../../client/sdk/index.ts';
import { type FakeServer, type FakeSession, startFakeServer } from '../../../support/fake-server.ts';
import { PATIENCE_MS } from '../../../support/patience.ts';

type Subscribe = Extract<ClientFrame, { op: 'subscribe' }>;

function row(id: string, n: number): ServerFrame {
  const series = [{ name: 'm', columns: ['time', 'v'], values: [[n, n]] }];
  return { op: 'rows', id, phase: 'live', final: true, rev: 0, series, cursor: `c${n}` };
}

function numberOf(event: LiveEvent): number {
  return event.op === 'rows' ? Number(event.series[0].values[0][1]) : Number.NaN;
}

async function take(subscription: Subscription, count: number, op: LiveEvent['op'] = 'rows'): Promise<LiveEvent[]> {
  const taken: LiveEvent[] = [];
  while (taken.length < count) {
    const { value, done } = await subscription.next();
    if (done) break;
    if (value.op === op) taken.push(value);
  }
  return taken;
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error('what was waited for did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('sdk/subscribe', () => {
  let server: FakeServer;
  let client: Millrace;
  let live: (session: FakeSession, frame: ClientFrame) => void;

  beforeEach(async () => {
    live = () => {};
    server = await startFakeServer({ live: (session, frame) => live(session, frame) });
    client = new Millrace({ url: server.url, random: () => 0 });
  });

  afterEach(async () => {
    client.close();
    await server.stop();
  });

  it('sends what was asked and gives frames in order', async () => {
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: 'SELECT v FROM m' });
      for (let n = 1; n <= 3; n++) session.send(row(frame.id, n));
    };
    const subscription = client.subscribe('db', 'select v from m', { epoch: 'ms', mode: 'every', maxHz: 5 });
    expect((await take(subscription, 3)).map(numberOf)).to.deep.equal([1, 2, 3]);
    expect(subscription.query).to.equal('SELECT v FROM m');
    expect(subscription.cursor).to.equal('c3');
    expect(server.sessions[0].frames).to.deep.equal([
      {
        op: 'subscribe',
        id: subscription.id,
        db: 'db',
        q: 'select v from m',
        refs: true,
        epoch: 'ms',
        mode: 'every',
        maxHz: 5,
      },
    ]);
  });

  it('says who it is before it asks for what a listener wants once it is connected, and asks once', async () => {
    const asked: string[] = [];
    live = (session, frame) => {
      asked.push(frame.op === 'subscribe' ? `${frame.op} ${frame.q}` : frame.op);
      if (frame.op === 'subscribe') session.send({ op: 'subscribed', id: frame.id, query: frame.q });
    };
    const known = new Millrace({ url: server.url, token: 'ann:x', random: () => 0 });
    let wanted: Subscription | null = null;
    known.onState((state) => {
      if (state === 'connected') wanted = known.subscribe('db', 'second');
    });
    try {
      await take(known.subscribe('db', 'first'), 1, 'subscribed');
      await take(wanted!, 1, 'subscribed');
      expect(asked).to.deep.equal(['auth', 'subscribe first', 'subscribe second']);
    } finally {
      known.close();
    }
  });

  it('gives rows that name their series by number as rows of their series', async () => {
    const head = (host: string) => ({ name: 'm', tags: { host }, columns: ['time', 'v'] });
    const rows = { op: 'rows', phase: 'live', final: false, rev: 0 } as const;
    live = (session, { op, ...asked }) => {
      if (op !== 'subscribe' || !('id' in asked)) return;
      const id = asked.id!;
      session.send({ op: 'subscribed', id, query: 'q' });
      session.send({ op: 'series', id, from: 0, series: [head('a'), head('b')] });
      const series = [{ ref: 2, ...head('c'), values: [[1, 3]] }];
      session.send({
        ...rows,
        id,
        series,
        refs: [
          [1, 1, 2],
          [1, 2, 4],
          [2, 2, 5],
        ],
        cursor: 'c1',
      });
      session.send({ ...rows, id, series: [], refs: [[7, 1, 1]], cursor: 'c2' });
    };
    const subscription = client.subscribe('db', 'q');
    const [event] = await take(subscription, 1);
    expect(event).to.deep.equal({
      ...rows,
      id: subscription.id,
      series: [
        { ...head('c'), values: [[1, 3]] },
        {
          ...head('b'),
          values: [
            [1, 2],
            [2, 4],
          ],
        },
        { ...head('c'), values: [[2, 5]] },
      ],
      cursor: 'c1',
    });
    await subscription.next().then(
      () => expect.fail('a number that was never given'),
      (error) => expect(error).to.include({ code: 'bad frame' }),
    );
  });

  it('reconnects and goes on behind the last cursor, without loss or repetition', async () => {
    // Each connection sends three rows behind the cursor it is given, and breaks.
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: 'q' });
      const from = frame.since === undefined ? 0 : Number(frame.since.slice(1));
      for (let n = from + 1; n <= from + 3; n++) session.send(row(frame.id, n));
      setTimeout(() => session.drop(), 20);
    };
    const states: string[] = [];
    client.onState((state) => states.push(state));
    const subscription = client.subscribe('db', 'q');
    expect((await take(subscription, 9)).map(numberOf)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(states.slice(0, 4)).to.deep.equal(['connecting', 'connected', 'reconnecting', 'connected']);
  });

  it('finds a server again that was away for longer than a try', async () => {
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: 'q' });
      session.send(row(frame.id, frame.since === undefined ? 1 : Number(frame.since.slice(1)) + 1));
    };
    let tries = 0;
    class CountedSocket extends WebSocket {
      constructor(url: string) {
        super(url);
        tries += 1;
      }
    }
    client = new Millrace({ url: server.url, random: () => 0, WebSocket: CountedSocket as typeof WebSocket });
    const subscription = client.subscribe('db', 'q');
    expect((await take(subscription, 1)).map(numberOf)).to.deep.equal([1]);
    const { port } = server;
    await server.stop();
    const before = tries;
    // A try that is refused must be followed by the next, not by the wait for a welcome that cannot come.
    await until(() => tries >= before + 3);
    server = await startFakeServer({ port, live: (session, frame) => live(session, frame) });
    expect((await take(subscription, 1)).map(numberOf)).to.deep.equal([2]);
  });

  it('starts where `since` says', async () => {
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: 'q' });
      session.send(row(frame.id, Number(frame.since?.slice(1)) + 1));
    };
    expect((await take(client.subscribe('db', 'q', { since: 'c41' }), 1)).map(numberOf)).to.deep.equal([42]);
  });

  it('says reset where rows came without a cursor before the connection was lost', async () => {
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: 'q' });
      session.send({ ...row(frame.id, 1), cursor: '' } as ServerFrame);
      if (server.sessions.length === 1) setTimeout(() => session.drop(), 20);
    };
    const ops: string[] = [];
    for await (const event of client.subscribe('db', 'q')) {
      ops.push(event.op);
      if (ops.length === 5) break;
    }
    expect(ops).to.deep.equal(['subscribed', 'rows', 'reset', 'subscribed', 'rows']);
  });

  it('waits as long as goaway asks', async () => {
    let goneAt = 0;
    let backAt = 0;
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: 'q' });
      if (server.sessions.length === 1) {
        goneAt = performance.now();
        session.send({ op: 'goaway', retryAfterMs: 700 });
      } else {
        backAt = performance.now();
        session.send(row(frame.id, 1));
      }
    };
    await take(client.subscribe('db', 'q'), 1);
    // The pauses of its own would have been 100 ms; timers may be a little early.
    expect(backAt - goneAt).to.be.at.least(690);
  });

  it('asks a server to pause for a slow consumer, bounds what waits, and loses nothing', async () => {
    const total = 20_000;
    const gives = new Map<FakeSession, { id: string; next: number; paused: boolean }>();
    live = (session, frame) => {
      if (frame.op === 'subscribe') {
        session.send({ op: 'subscribed', id: frame.id, query: 'q' });
        const next = frame.since === undefined ? 1 : Number(frame.since.slice(1)) + 1;
        gives.set(session, { id: frame.id, next, paused: false });
      }
      const give = gives.get(session);
      if (give === undefined) return;
      if (frame.op === 'pause') give.paused = true;
      if (frame.op === 'resume') give.paused = false;
      pump(session, give);
    };
    function pump(session: FakeSession, give: { id: string; next: number; paused: boolean }): void {
      for (let n = 0; n < 100 && !give.paused && give.next <= total; n++) session.send(row(give.id, give.next++));
      if (!give.paused && give.next <= total) setImmediate(() => pump(session, give));
    }
    const subscription = client.subscribe('db', 'q', { mode: 'every' });
    await until(() => server.sessions[0]?.frames.some(({ op }) => op === 'pause') ?? false);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(subscription.waiting).to.be.within(256, 4096);
    let expected = 1;
    for (const event of await take(subscription, total)) expect(numberOf(event)).to.equal(expected++);
    expect(server.sessions[0].frames.some(({ op }) => op === 'resume')).to.equal(true);
  });

  it('gives up and comes back by cursor where a server does not pause', async () => {
    const total = 12_000;
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: 'q' });
      const from = frame.since === undefined ? 0 : Number(frame.since.slice(1));
      for (let n = from + 1; n <= total; n++) session.send(row(frame.id, n));
    };
    const subscription = client.subscribe('db', 'q');
    await until(() => server.sessions[0]?.frames.some(({ op }) => op === 'unsubscribe') ?? false);
    expect(subscription.waiting).to.be.at.most(4096);
    let expected = 1;
    for (const event of await take(subscription, total)) expect(numberOf(event)).to.equal(expected++);
    const asked = server.sessions[0].frames.filter((frame): frame is Subscribe => frame.op === 'subscribe');
    expect(asked.length).to.be.at.least(2);
  });

  it('carries many subscriptions over one socket and closes it behind the last', async () => {
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send({ op: 'subscribed', id: frame.id, query: frame.q });
      session.send(row(frame.id, Number(frame.q)));
    };
    const subscriptions = Array.from({ length: 50 }, (_, i) => client.subscribe('db', String(i)));
    const firsts = await Promise.all(
      subscriptions.map(async (subscription) => numberOf((await take(subscription, 1))[0])),
    );
    expect(firsts).to.deep.equal(Array.from({ length: 50 }, (_, i) => i));
    expect(server.sessions.length).to.equal(1);
    for (const subscription of subscriptions) await subscription.return();
    await until(() => client.state === 'idle');
    expect(server.sessions[0].frames.filter(({ op }) => op === 'unsubscribe').length).to.equal(50);
  });

  it('throws what the server refuses, with the place in the text, and keeps the socket', async () => {
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      if (frame.q === 'bad') session.send({ op: 'error', id: frame.id, code: 'parse', message: 'found bad', at: 3 });
      else {
        session.send({ op: 'subscribed', id: frame.id, query: frame.q });
        session.send(row(frame.id, 1));
      }
    };
    const good = client.subscribe('db', 'good');
    const error = await client
      .subscribe('db', 'bad')
      .next()
      .catch((caught) => caught);
    expect(error).to.be.instanceOf(MillraceError);
    expect([error.code, error.message, error.at]).to.deep.equal(['parse', 'found bad', 3]);
    expect((await take(good, 1)).length).to.equal(1);
  });

  it('tries again where the server is busy', async () => {
    let tries = 0;
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      tries += 1;
      if (tries < 3) session.send({ op: 'error', id: frame.id, code: 'busy', message: 'later' });
      else {
        session.send({ op: 'subscribed', id: frame.id, query: frame.q });
        session.send(row(frame.id, 1));
      }
    };
    await take(client.subscribe('db', 'q'), 1);
    expect(tries).to.equal(3);
  });

  it('ends its iterators without an error on close, and refuses what comes after', async () => {
    const next = client.subscribe('db', 'q').next();
    client.close();
    expect((await next).done).to.equal(true);
    expect(client.state).to.equal('closed');
    expect((await client.subscribe('db', 'q').next()).done).to.equal(true);
  });

  it('outlives garbage', async () => {
    live = (session, frame) => {
      if (frame.op !== 'subscribe') return;
      session.send('garbage' as unknown as ServerFrame);
      session.send({ op: 'from the future' } as unknown as ServerFrame);
      session.send(row('nobody', 1));
      session.send({ op: 'subscribed', id: frame.id, query: frame.q });
      session.send(row(frame.id, 7));
    };
    expect((await take(client.subscribe('db', 'q'), 1)).map(numberOf)).to.deep.equal([7]);
  });
});
