/** The live protocol machine against a played engine, sink and clock: order, conflation, replay, bounds. */
import { expect } from 'chai';
import { EngineError } from '../../../../server/sessions/engine.ts';
import { newLiveCounters } from '../../../../server/sessions/live/counters.ts';
import { LiveSession } from '../../../../server/sessions/live/live-session.ts';
import { HELD_BYTES_MAX, STALLED_BYTES_MAX, STALLED_MS } from '../../../../server/sessions/live/outbox.ts';
import { GROUP_BYTES_MAX, LAG_MS_MAX } from '../../../../server/sessions/live/watermark-group.ts';
import { FakeEngine, piecesOf } from './support/fake-engine.ts';
import { FakeClock, FakeSink, settle } from './support/fake-sink.ts';

describe('live session', () => {
  let engine: FakeEngine;
  let sink: FakeSink;
  let clock: FakeClock;
  let session: LiveSession;
  const counters = newLiveCounters();

  beforeEach(() => {
    engine = new FakeEngine();
    sink = new FakeSink();
    clock = new FakeClock();
    session = new LiveSession(sink, { engine, clock, counters, log: () => {}, server: 'test' });
    session.open();
  });

  afterEach(() => {
    session.close();
    expect(counters.clients).to.equal(0);
    expect(counters.subscriptions).to.equal(0);
  });

  function say(frame: object): void {
    session.receive(JSON.stringify(frame));
  }

  async function subscribe(extra: object = {}): Promise<void> {
    say({ op: 'subscribe', id: 's1', db: 'd', q: ' SELECT v FROM cpu ', ...extra });
    await settle();
    sink.take();
  }

  it('welcomes, subscribes and passes frames through as they are', async () => {
    say({ op: 'subscribe', id: 's"1', db: 'd', q: ' SELECT v FROM cpu ', epoch: 'ns' });
    await settle();
    engine.feeds[0].rows('[1700000000000000001,1]', 'c1', { phase: 'snapshot' });
    expect(sink.ops()).to.deep.equal(['welcome', 'subscribed', 'rows']);
    expect(sink.frames[1]).to.include({ id: 's"1', query: 'SELECT v FROM cpu' });
    expect(sink.texts[2]).to.include('"id":"s\\"1","phase":"snapshot"').and.to.include('[[1700000000000000001,1]]');
    expect(engine.feeds[0].request).to.deep.equal({
      user: null,
      database: 'd',
      text: ' SELECT v FROM cpu ',
      epoch: 'ns',
      refs: false,
      snapshot: true,
      since: '',
    });
  });

  it('asks who it is where the engine does, and holds what comes until that is known', async () => {
    engine.guarded = true;
    engine.users = { ann: 'x:y' };
    const guarded = new LiveSession(sink, { engine, clock, counters, log: () => {}, server: 'test' });
    guarded.open();
    const tell = (frame: object): void => guarded.receive(JSON.stringify(frame));
    tell({ op: 'query', id: 'q', db: 'd', q: 'SELECT 1' });
    tell({ op: 'subscribe', id: 's', db: 'd', q: 'SELECT 1' });
    tell({ op: 'write', id: 'w', db: 'd', lines: 'm v=1' });
    tell({ op: 'ping' });
    expect(sink.take().map(({ op, id, code }) => `${op} ${id} ${code}`)).to.deep.equal([
      'welcome undefined undefined',
      'welcome undefined undefined',
      'error q unauthorized',
      'error s unauthorized',
      'error w unauthorized',
      'pong undefined undefined',
    ]);
    tell({ op: 'auth', token: 'ann:wrong' });
    tell({ op: 'query', id: 'q', db: 'd', q: 'SELECT 1' });
    await settle();
    expect(sink.take().map(({ op, id, code }) => `${op} ${id} ${code}`)).to.deep.equal([
      'error undefined unauthorized',
      'error q unauthorized',
    ]);
    tell({ op: 'auth', token: 'ann:x:y' });
    tell({ op: 'query', id: 'q', db: 'd', q: 'SELECT 1' });
    tell({ op: 'subscribe', id: 's', db: 'd', q: 'SELECT 1' });
    expect(sink.take()).to.deep.equal([]);
    await settle();
    expect(sink.ops()).to.have.members(['result', 'subscribed']);
    expect([engine.queries.at(-1)?.user, engine.feeds.at(-1)?.request.user]).to.deep.equal(['ann', 'ann']);
    guarded.close();
  });

  it('tells of every mistake and goes on', async () => {
    const mistakes = [
      'nonsense',
      '[]',
      'null',
      '{"op":"fly"}',
      '{"op":"__proto__"}',
      '{"op":"subscribe","id":"x"}',
      '{"op":"subscribe","id":"x","db":"d","q":"q","maxHz":-1}',
      '{"op":"subscribe","id":"x","db":"d","q":"q","mode":"all"}',
      '{"op":"subscribe","id":7,"db":"d","q":"q"}',
    ];
    sink.take();
    for (const text of mistakes) session.receive(text);
    expect(sink.frames.map((f) => f.code)).to.deep.equal(mistakes.map(() => 'bad frame'));
    sink.take();
    say({ op: 'pause', id: 'none' });
    engine.refusal = new EngineError('parse', 'found EOF', 7);
    say({ op: 'subscribe', id: 'x', db: 'd', q: 'SELECT ' });
    await settle();
    expect(sink.frames[0]).to.include({ id: 'none', code: 'unknown subscription' });
    expect(sink.frames[1]).to.deep.equal({ op: 'error', id: 'x', code: 'parse', message: 'found EOF', at: 7 });
    say({ op: 'ping' });
    expect(sink.ops().at(-1)).to.equal('pong');
    expect(sink.ended).to.equal(null);
  });

  it('writes and queries', async () => {
    sink.take();
    say({ op: 'write', id: 'w', db: 'd', precision: 'ms', lines: 'cpu v=1 1' });
    say({ op: 'write', id: 'x', db: 'missing', lines: 'cpu v=1 1' });
    say({ op: 'write', id: 'y', db: 'bug', lines: 'cpu v=1 1' });
    await settle();
    expect(engine.writes[0]).to.include({ database: 'd', precision: 'ms', ack: 'disk', text: 'cpu v=1 1' });
    const byId = new Map(sink.take().map((f) => [f.id, f]));
    expect(byId.get('w')).to.deep.equal({ op: 'written', id: 'w', position: 'p1' });
    expect(byId.get('x')).to.include({ op: 'error', code: 'database not found' });
    expect(byId.get('y')).to.include({ op: 'error', code: 'internal', message: 'internal error' });
    engine.pieces = () => piecesOf('{"results":[{"statement_id":0,', '"series":[]}]}\n');
    say({ op: 'query', id: 'q', db: 'd', q: 'SELECT 1' });
    await settle();
    expect(sink.take()).to.deep.equal([{ op: 'result', id: 'q', results: [{ statement_id: 0, series: [] }] }]);
  });

  it('latest: keeps the newest row of each series and time for a slow reader, and says so', async () => {
    await subscribe();
    const feed = engine.feeds[0];
    sink.room = false;
    feed.rows('["t1",0]', 'c1');
    for (let i = 1; i <= 100; i++) {
      feed.rows(`["t1",${i}],["t2",9007199254740993]`, `c${i + 1}`);
      feed.rows(`["t1",${i * 2}]`, `d${i + 1}`, { host: 'b' });
      feed.push('progress', `"watermark":${i},"cursor":"p${i}"`, `p${i}`);
    }
    expect(sink.frames).to.have.length(1);
    expect(session.heldBytes()).to.be.lessThan(2000);
    clock.advance(250);
    sink.room = true;
    session.drain();
    const [, status, rows, progress] = sink.frames;
    expect(status).to.deep.equal({ op: 'status', id: 's1', lagMs: 250, conflated: 297 });
    expect(rows.series).to.have.length(2);
    expect(sink.texts[2]).to.include('["t1",100],["t2",9007199254740993]').and.to.include('["t1",200]');
    expect(rows.cursor).to.equal('d101');
    expect(progress).to.include({ op: 'progress', watermark: 100 });
    feed.rows('["t3",1]', 'e1');
    expect(sink.frames.at(-1)).to.include({ op: 'rows', cursor: 'e1' });
    expect(session.heldBytes()).to.equal(0);
  });

  it('latest: keeps rows of one series and time together, as they were told', async () => {
    await subscribe();
    const feed = engine.feeds[0];
    sink.room = false;
    feed.rows('["t0",0]', 'c0');
    feed.rows('["t1",1],["t1",2],["t1",3],["t2",4]', 'c1');
    feed.rows('["t1",5],["t1",6]', 'c2');
    sink.take();
    clock.advance(250);
    sink.room = true;
    session.drain();
    const [status, rows] = sink.take();
    expect(status).to.include({ op: 'status', conflated: 1 });
    expect((rows.series as { values: unknown[] }[])[0].values).to.deep.equal([
      ['t1', 5],
      ['t1', 6],
      ['t2', 4],
    ]);
  });

  it('latest: tells a slow reader which series got numbers before it tells rows of them', async () => {
    await subscribe({ refs: true });
    const feed = engine.feeds[0];
    const rows = (final: boolean, series: string, refs: string, cursor: string): void =>
      feed.push(
        'rows',
        `"phase":"live","final":${final},"rev":0,"series":[${series}],"refs":[${refs}],"cursor":"${cursor}"`,
        cursor,
      );
    const named = (ref: number, values: string): string =>
      `{"ref":${ref},"name":"cpu","tags":{"host":"h${ref}"},"values":[${values}]}`;
    sink.room = false;
    rows(false, named(0, '["t1",1]'), '', 'c1');
    rows(true, '', '[0,"t1",2]', 'c2');
    rows(false, `${named(1, '["t1",3]')},${named(2, '["t1",4]')}`, '[0,"t2",5]', 'c3');
    rows(true, '', '[2,"t1",6]', 'c4');
    sink.take();
    sink.room = true;
    session.drain();
    const [status, series, ...frames] = sink.take();
    expect(status).to.include({ op: 'status', conflated: 1 });
    expect(series).to.deep.equal({
      op: 'series',
      id: 's1',
      from: 1,
      series: [1, 2].map((ref) => ({ name: 'cpu', tags: { host: `h${ref}` } })),
    });
    expect(frames.map(({ final, series, refs, cursor }) => [final, series, refs, cursor])).to.deep.equal([
      [
        true,
        [],
        [
          [0, 't1', 2],
          [2, 't1', 6],
        ],
        'c1',
      ],
      [
        false,
        [],
        [
          [1, 't1', 3],
          [0, 't2', 5],
        ],
        'c4',
      ],
    ]);
    expect(session.heldBytes()).to.equal(0);
  });

  describe('a group', () => {
    async function grouped(...ids: string[]): Promise<void> {
      for (const id of ids) say({ op: 'subscribe', id, db: 'd', q: id, group: 'dash', mode: 'every' });
      await settle();
      sink.take();
    }
    const told = (): unknown[] =>
      sink.take().map(({ op, id, cursor, watermarkMs }) => `${op} ${id} ${cursor ?? watermarkMs}`);
    const rows = (feed: number, watermarkMs: number, cursor: string): void =>
      engine.feeds[feed].rows('["t",1]', cursor, { watermarkMs });

    it('moves to one watermark, a second at a time', async () => {
      await grouped('a', 'b');
      rows(0, 10_200, 'a1');
      expect(told(), 'of b nothing is known').to.deep.equal([]);
      clock.advance(LAG_MS_MAX);
      expect(told(), 'b may have nothing').to.deep.equal(['rows a a1', 'group a 10000', 'group b 10000']);
      rows(1, 9_900, 'b1');
      expect(told(), 'b may catch up').to.deep.equal(['rows b b1']);
      rows(0, 11_000, 'a2');
      expect(told(), 'a is ahead').to.deep.equal([]);
      rows(1, 10_900, 'b2');
      expect(told()).to.deep.equal(['rows b b2']);
      rows(1, 11_300, 'b3');
      expect(told()).to.deep.equal(['rows a a2', 'rows b b3', 'group a 11000', 'group b 11000']);
      expect(session.heldBytes()).to.equal(0);
    });

    it('is only where all of them have been, though one may go two steps at once', async () => {
      await grouped('a', 'b');
      rows(0, 10_000, 'a1');
      rows(1, 10_000, 'b1');
      sink.take();
      rows(0, 11_000, 'a2');
      rows(1, 12_000, 'b2');
      expect(told(), 'b was never at 11').to.deep.equal([]);
      rows(0, 12_000, 'a3');
      expect(told()).to.deep.equal(['rows a a2', 'rows a a3', 'rows b b2', 'group a 12000', 'group b 12000']);
      for (let i = 0; i < 8; i++) {
        rows(0, 13_000 + i * 2_000, `odd${i}`);
        rows(1, 14_000 + i * 2_000, `even${i}`);
        clock.advance(LAG_MS_MAX / 4);
      }
      expect(told(), 'nothing is held for longer than a while').to.include('rows a odd1');
    });

    it('holds nothing for longer because of one that says again and again that it is behind', async () => {
      await grouped('a', 'b');
      rows(0, 12_000, 'a1');
      rows(1, 12_000, 'b1');
      sink.take();
      rows(0, 13_000, 'a2');
      for (let i = 0; i < 4; i++) {
        expect(told(), `after ${(i * LAG_MS_MAX) / 4} ms`).to.not.include('rows a a2');
        clock.advance(LAG_MS_MAX / 4);
        engine.feeds[1].push('progress', `"watermark":${i},"cursor":"p${i}"`, `p${i}`, 'live', 12_000);
      }
      expect(told(), 'the group is not there').to.deep.equal(['rows a a2', 'progress b p3']);
      expect(session.heldBytes()).to.equal(0);
    });

    it('does not wait for one that says nothing, nor for one that has left, and bounds what it holds', async () => {
      await grouped('a', 'b', 'c');
      rows(0, 10_000, 'a1');
      rows(1, 10_000, 'b1');
      rows(2, 10_000, 'c1');
      sink.take();
      rows(0, 12_000, 'a2');
      rows(1, 12_000, 'b2');
      clock.advance(LAG_MS_MAX - 1);
      rows(0, 12_000, 'a3');
      expect(told()).to.deep.equal([]);
      clock.advance(1);
      expect(told()).to.deep.equal([
        'rows a a2',
        'rows a a3',
        'rows b b2',
        'group a 12000',
        'group b 12000',
        'group c 12000',
      ]);
      rows(2, 11_000, 'c2');
      rows(0, 13_000, 'a4');
      rows(1, 13_000, 'b4');
      expect(told()).to.deep.equal(['rows c c2']);
      say({ op: 'unsubscribe', id: 'c' });
      expect(told()).to.deep.equal(['rows a a4', 'rows b b4', 'group a 13000', 'group b 13000']);
      const wide = `["t","${'x'.repeat(100_000)}"]`;
      let pushed = 0;
      while (pushed < 20) engine.feeds[0].rows(wide, `w${++pushed}`, { watermarkMs: 20_000 });
      expect(session.heldBytes()).to.be.lessThan(GROUP_BYTES_MAX * 1.1);
      expect(sink.take().filter((f) => f.op === 'rows').length).to.be.greaterThan(0);
    });

    it('keeps the order of a subscription, and forgets what a reset has made void', async () => {
      await grouped('a', 'b');
      rows(0, 10_000, 'a1');
      rows(1, 10_000, 'b1');
      sink.take();
      rows(0, 11_000, 'a2');
      engine.feeds[0].push('delete', '"series":["k"],"cursor":"a3"', 'a3');
      expect(told()).to.deep.equal([]);
      engine.feeds[0].push('reset', '"reason":"r"');
      engine.feeds[0].rows('["t",1]', 'a4', { phase: 'snapshot', watermarkMs: 12_000 });
      expect(told()).to.deep.equal(['reset a undefined', 'rows a a4']);
      rows(1, 12_500, 'b2');
      expect(told()).to.deep.equal(['rows b b2', 'group a 12000', 'group b 12000']);
    });
  });

  it('latest: keeps revisions apart, and moves the cursor only with the last frame', async () => {
    await subscribe();
    const feed = engine.feeds[0];
    feed.rows('["t0",0]', 'c0');
    sink.room = false;
    feed.rows('["t1",1]', 'c1');
    feed.rows('["t2",2]', 'c2');
    feed.rows('["t1",3]', 'c3', { rev: 1 });
    feed.push('delete', '"series":["host=b"],"cursor":"c4"', 'c4');
    feed.rows('["t5",5]', 'c5');
    sink.take();
    sink.room = true;
    session.drain();
    const frames = sink.take();
    expect(frames.map((f) => [f.op, f.rev, f.cursor])).to.deep.equal([
      ['rows', 0, 'c1'],
      ['rows', 1, 'c3'],
      ['delete', undefined, 'c4'],
      ['rows', 0, 'c5'],
    ]);
  });

  it('every: keeps all in order, and replays from the log what did not fit', async () => {
    await subscribe({ mode: 'every' });
    const first = engine.feeds[0];
    first.rows('["t0",0]', 'c0');
    sink.room = false;
    first.rows('["t1",1]', 'c1');
    for (let i = 2; i < 5; i++) first.rows(`["t1",${i}]`, `c${i}`);
    sink.room = true;
    session.drain();
    expect(sink.take().map((f) => f.cursor)).to.deep.equal(['c0', 'c1', 'c2', 'c3', 'c4']);
    sink.room = false;
    const wide = '"' + 'x'.repeat(10_000) + '"';
    let pushed = 4;
    while (!first.closed && pushed < 1000) first.rows(`["t1",${wide}]`, `c${++pushed}`);
    expect(first.closed).to.equal(true);
    expect(pushed * 10_000).to.be.lessThan(HELD_BYTES_MAX * 1.1);
    expect(session.heldBytes()).to.equal(0);
    expect(engine.feeds).to.have.length(1);
    sink.room = true;
    session.drain();
    await settle();
    expect(engine.feeds).to.have.length(2);
    expect(engine.feeds[1].request.since).to.equal('c5');
    expect(sink.take().map((f) => f.op)).to.deep.equal(['rows', 'status']);
    engine.feeds[1].rows('["t1",6]', 'c6');
    expect(sink.take().map((f) => f.cursor)).to.deep.equal(['c6']);
  });

  it('holds next to nothing for a reader that has stopped, and replays it from the log when it reads again', async () => {
    await subscribe();
    const feed = engine.feeds[0];
    sink.room = false;
    const wide = '"' + 'x'.repeat(1000) + '"';
    for (let i = 0; i < 100; i++) feed.rows(`["t${i}",${wide}]`, `c${i}`);
    expect(feed.closed, 'while it may only be slow').to.equal(false);
    expect(session.heldBytes()).to.be.greaterThan(STALLED_BYTES_MAX);
    clock.advance(STALLED_MS);
    feed.rows('["t100",0]', 'c100');
    expect(feed.closed).to.equal(true);
    expect(session.heldBytes()).to.equal(0);
    sink.take();
    sink.room = true;
    session.drain();
    await settle();
    expect(sink.take().map((f) => f.op)).to.deep.equal(['status']);
    expect(engine.feeds[1].request.since).to.equal('c0');
  });

  it('keeps the snapshot of a slow reader whole and replays only what came after it', async () => {
    await subscribe({ mode: 'every' });
    const feed = engine.feeds[0];
    const wide = '"' + 'x'.repeat(100_000) + '"';
    sink.room = false;
    for (let i = 0; i < 30; i++) feed.rows(`["t${i}",${wide}]`, i === 29 ? 'snap' : '', { phase: 'snapshot' });
    for (let i = 0; i < 20; i++) feed.rows(`["l${i}",${wide}]`, `c${i}`);
    expect(feed.closed).to.equal(true);
    sink.room = true;
    session.drain();
    await settle();
    expect(sink.take().filter((f) => f.op === 'rows')).to.have.length(30);
    expect(engine.feeds[1].request.since).to.equal('snap');
  });

  it('ends a subscription whose snapshot is too large for a reader that has stopped', async () => {
    await subscribe();
    const wide = '"' + 'x'.repeat(1_000_000) + '"';
    sink.room = false;
    for (let i = 0; i < 20; i++) engine.feeds[0].rows(`["t${i}",${wide}]`, '', { phase: 'snapshot' });
    expect(engine.feeds[0].closed).to.equal(true);
    sink.room = true;
    session.drain();
    expect(sink.frames.at(-1)).to.include({ op: 'error', id: 's1', code: 'too large' });
  });

  it('holds while paused and goes on when resumed', async () => {
    await subscribe();
    const feed = engine.feeds[0];
    say({ op: 'pause', id: 's1' });
    feed.rows('["t1",1]', 'c1');
    feed.rows('["t1",2]', 'c2');
    expect(sink.frames).to.have.length(0);
    say({ op: 'resume', id: 's1' });
    expect(sink.take().map((f) => f.op)).to.deep.equal(['status', 'rows']);
    const wide = '"' + 'x'.repeat(100_000) + '"';
    say({ op: 'pause', id: 's1' });
    for (let i = 0; i < 30; i++) feed.rows(`["t${i}",${wide}]`, `d${i}`);
    expect(feed.closed).to.equal(true);
    say({ op: 'resume', id: 's1' });
    await settle();
    expect(engine.feeds[1].request.since).to.equal('c2');
  });

  it('sends at most maxHz rows frames a second, the newest of each', async () => {
    await subscribe({ maxHz: 10 });
    const feed = engine.feeds[0];
    for (let i = 0; i < 100; i++) {
      feed.rows(`["t1",${i}]`, `c${i}`);
      clock.advance(10);
    }
    const rows = sink.take().filter((f) => f.op === 'rows');
    expect(rows.length).to.be.within(9, 11);
    clock.advance(1000);
    expect(JSON.stringify(sink.take().concat(rows))).to.include('["t1",99]');
    say({ op: 'update', id: 's1', maxHz: 0 });
    feed.rows('["t1",100]', 'd1');
    feed.rows('["t1",101]', 'd2');
    expect(sink.take()).to.have.length(2);
  });

  it('sends nothing after unsubscribe, and takes the id again', async () => {
    await subscribe();
    say({ op: 'unsubscribe', id: 's1' });
    expect(engine.feeds[0].closed).to.equal(true);
    engine.feeds[0].closed = false;
    engine.feeds[0].rows('["t1",1]', 'c1');
    expect(sink.frames).to.have.length(0);
    await subscribe();
    engine.feeds[1].rows('["t1",1]', 'c1');
    expect(sink.frames).to.have.length(1);
  });

  it('closes a feed that opens after its subscription has ended', async () => {
    say({ op: 'subscribe', id: 's1', db: 'd', q: 'q' });
    say({ op: 'unsubscribe', id: 's1' });
    await settle();
    expect(engine.feeds[0].closed).to.equal(true);
    expect(sink.ops()).to.deep.equal(['welcome']);
  });

  it('bounds subscriptions, and replies that are not read', async () => {
    for (let i = 0; i < 257; i++) say({ op: 'subscribe', id: `s${i}`, db: 'd', q: 'q' });
    expect(sink.frames.at(-1)).to.include({ op: 'error', id: 's256', code: 'too many subscriptions' });
    await settle();
    sink.room = false;
    engine.pieces = () => piecesOf(`{"results":["${'x'.repeat(1_000_000)}"]}`);
    for (let i = 0; i < 12; i++) {
      say({ op: 'query', id: `q${i}`, db: 'd', q: 'q' });
      await settle();
    }
    expect(sink.ended).to.include({ code: 1013 });
    expect(session.heldBytes()).to.equal(0);
  });
});
