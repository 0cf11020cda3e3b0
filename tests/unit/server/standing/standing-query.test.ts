/** What the consumer of a standing query can lean on: one batch at a time, nothing left out between two first ones, reopening. */
import { expect } from 'chai';
import type { Emission, LivePlan } from '../../../../query/index.ts';
import type { LiveListener, LivePlace } from '../../../../server/queries/index.ts';
import { type StandingBatch, type StandingConsumer, StandingQuery } from '../../../../server/standing/index.ts';

const REQUEST = { database: 'd', query: 'SELECT mean(v) FROM m GROUP BY time(1m)' };

describe('standing query', () => {
  it('gives one batch at a time, in order, the first one marked', async () => {
    const { consumer, open } = started();
    const [listener] = open;
    consumer.hold();
    listener.rows([rows(1)], place('a'));
    listener.rows([rows(2)], place('b'));
    await turns();
    expect(consumer.cursors()).to.deep.equal(['a']);
    consumer.release();
    await turns();
    expect(consumer.cursors()).to.deep.equal(['a', 'b']);
    expect(consumer.taken.map(({ first }) => first)).to.deep.equal([true, false]);
  });

  it('marks what follows a reset, with its reason', async () => {
    const { consumer, open } = started();
    open[0].rows([], place('a'));
    open[0].reset('the schema has changed');
    open[0].rows([], place('b'));
    await turns();
    expect(consumer.taken.map(({ first, lost }) => [first, lost])).to.deep.equal([
      [true, ''],
      [true, 'the schema has changed'],
    ]);
  });

  it('opens again from where the consumer stands when it rejects, after longer and longer pauses', async () => {
    const { consumer, open, since, timers, query } = started();
    consumer.error = new Error('the disk is full');
    open[0].rows([rows(1)], place('a'));
    open[0].rows([rows(1)], place('b'));
    await turns();
    expect(consumer.failures).to.deep.equal(['the disk is full']);
    expect(open, 'not before its pause').to.have.length(1);
    expect(query.failing).to.equal(true);
    await timers.run();
    open[0].rows([rows(1)], place('of the first opening'));
    open[1].rows([rows(1)], place('c'));
    await turns();
    await timers.run();
    consumer.error = null;
    consumer.position = 'z';
    open[2].rows([rows(1)], place('d'));
    await turns();
    expect(timers.pauses).to.deep.equal([1000, 2000]);
    expect(query.failing).to.equal(false);
    expect(consumer.cursors()).to.deep.equal(['d']);
    expect(consumer.taken[0].first).to.equal(true);
    expect(since).to.deep.equal(['', '', '']);
    open[2].failed('the query has ended');
    await timers.run();
    expect(timers.pauses, 'a batch that was taken ends the row of failures').to.deep.equal([1000, 2000, 1000]);
    expect(since.at(-1)).to.equal('z');
  });

  it('lets rows go that wait without end, and says so', async () => {
    const { consumer, open, timers } = started();
    consumer.hold();
    open[0].rows([rows(1)], place('a'));
    open[0].rows([rows(500_001)], place('b'));
    await turns();
    expect(consumer.failures).to.deep.equal(['more than 500000 rows waited to be taken']);
    const reopened = timers.run();
    await turns();
    expect(open, 'while a batch is under way').to.have.length(1);
    consumer.release();
    await reopened;
    await turns();
    expect(open).to.have.length(2);
    expect(consumer.cursors()).to.deep.equal(['a']);
  });

  it('tells a query that cannot be opened, and tries again', async () => {
    const { consumer, timers, query } = started(new Error('live query: a subquery is not kept up to date'));
    await query.settled;
    expect(consumer.failures).to.have.length(1);
    await timers.run();
    expect(consumer.failures).to.have.length(2);
    await query.close();
    await timers.run();
    expect(consumer.failures, 'not after it was closed').to.have.length(2);
  });

  it('leaves when it is closed, and gives nothing after', async () => {
    const { consumer, open, left, query } = started();
    await turns();
    await query.close();
    open[0].rows([rows(1)], place('a'));
    await turns();
    expect(left()).to.equal(1);
    expect(consumer.taken).to.deep.equal([]);
  });
});

// private functions

function started(refusal: Error | null = null) {
  const consumer = new Consumer();
  const open: LiveListener[] = [];
  const since: string[] = [];
  const timers = new Timers();
  let left = 0;
  const query = new StandingQuery(REQUEST, consumer, {
    listen: async (request, listener) => {
      if (refusal !== null) throw refusal;
      open.push(listener);
      since.push(request.since);
      return () => void left++;
    },
    later: (ms, act) => timers.add(ms, act),
  });
  return { consumer, open, since, timers, query, left: () => left };
}

class Consumer implements StandingConsumer {
  readonly taken: StandingBatch[] = [];
  readonly failures: string[] = [];
  position = '';
  error: Error | null = null;
  #held: Promise<void> = Promise.resolve();
  release: () => void = () => {};

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  since(): string {
    return this.position;
  }

  async take(batch: StandingBatch): Promise<void> {
    if (this.error !== null) throw this.error;
    this.taken.push(batch);
    await this.#held;
  }

  failed(error: Error): void {
    this.failures.push(error.message);
  }

  cursors(): string[] {
    return this.taken.map(({ cursor }) => cursor);
  }
}

class Timers {
  readonly pauses: number[] = [];
  #waiting: (() => void)[] = [];

  add(ms: number, act: () => void): () => void {
    this.pauses.push(ms);
    this.#waiting.push(act);
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== act);
    };
  }

  async run(): Promise<void> {
    for (const act of this.#waiting.splice(0)) act();
    await turns();
  }
}

/** Everything that waits only for promises has happened. */
async function turns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function rows(count: number): Emission {
  return {
    final: true,
    rev: 0,
    phase: 'live',
    tables: [{ name: 'm', tags: null, columns: [], rows: count, data: [] }],
  };
}

function place(cursor: string): LivePlace {
  return { cursor, watermark: null, frozenBefore: null, live: {} as LivePlan };
}
