/** Where the clients of a live query stand: a cursor claims no more than what has been told. */
import { expect } from 'chai';
import type { LiveUpdate } from '../../../../query/index.ts';
import { decodeCursor, encodeCursor, newLife } from '../../../../server/queries/cursor.ts';
import { LiveOperator } from '../../../../server/queries/live-operator.ts';
import type { AskedRound, Joiner, OperatorPort } from '../../../../server/queries/operator-port.ts';
import { planOf } from '../../query/live/simulation.ts';

const JOINER: Joiner = { subscriber: 1, feed: 'f', epoch: null, refs: false, snapshot: true, since: '' };

describe('the cursor of a live query', () => {
  let nowMs: number;
  let cursors: string[];
  let operator: LiveOperator;
  let asked: AskedRound[];
  let attached: number[];

  beforeEach(() => {
    nowMs = 1_700_000_000_000;
    cursors = [];
    asked = [];
    attached = [];
    const port: OperatorPort = {
      shards: 1,
      nowMs: () => nowMs,
      hasTime: () => true,
      frame: (_feed, _to, frame) => void cursors.push(frame.cursor),
      attached: (_feed, subscriber) => void attached.push(subscriber),
      heard: () => new Float64Array(1),
      start: () => undefined,
      stop: () => undefined,
      ask: (op, round) => {
        asked.push(round);
        if (round.cursor !== null) says(20, false, round.id, op.instance);
      },
      expire: () => undefined,
      reach: () => undefined,
      counted: () => undefined,
    };
    const named = { key: 'k', database: 'd', query: 'q', reads: [] };
    operator = new LiveOperator(named, { live: planOf({ aggregates: [['sum', 'v']] }), plannedAt: [0] }, port);
  });

  function says(sequence: number, complete: boolean, round: number | null = null, instance = 1): void {
    const update: LiveUpdate = {
      kind: round === null ? 'changes' : 'history',
      reading: null,
      cells: null,
      runs: [],
      touched: { windows: new Float64Array(0), rows: new Float64Array(0) },
      counts: { accepted: 0, ahead: 0, disordered: 0, recomputed: 0, dropped: 0 },
      complete,
    };
    operator.update({ operator: 'k', instance, shard: 0, sequence, update, round });
  }

  /** What the next `progress` says is settled. */
  function settledAt(): number {
    nowMs += 20_000;
    operator.tick();
    return decodeCursor(cursors.at(-1)!)!.positions[0].sequence;
  }

  it('does not go on while something waits to be read again', () => {
    operator.join(JOINER);
    says(5, false);
    expect(settledAt()).to.equal(0);
    says(9, false);
    expect(settledAt()).to.equal(0);
    says(12, true);
    expect(settledAt()).to.equal(12);
    says(15, false);
    expect(settledAt()).to.equal(12);
  });

  it('stays where the first client to come back stood, until more is settled', () => {
    const positions = [{ generation: 1, sequence: 17 }];
    const since = encodeCursor({ life: newLife(), frame: 3, watermark: 5n, rev: 0, positions });
    operator.join({ ...JOINER, since });
    says(19, false);
    expect(settledAt()).to.equal(17);
    says(21, false);
    expect(settledAt()).to.equal(17);
    says(22, true);
    expect(settledAt()).to.equal(22);
  });

  it('goes on while what one who joins has to be told is brought near, once for all who join', () => {
    operator.join(JOINER);
    says(5, true);
    operator.join({ ...JOINER, subscriber: 2 });
    const [{ id }] = asked;
    const away = { operator: 'k', instance: 1, shard: 0, round: id };
    operator.away({ ...away, isNear: false });
    says(9, true);
    expect(settledAt()).to.equal(9);
    operator.join({ ...JOINER, subscriber: 3 });
    expect(asked.length).to.equal(1);
    expect(operator.subscribers).to.equal(3);
    operator.leave(2);
    operator.away({ ...away, isNear: true });
    expect(asked.map(({ fetches }) => fetches)).to.deep.equal([0, 1]);
    says(11, true);
    says(12, true, asked[1].id);
    expect(asked.length, 'whoever came meanwhile is next').to.equal(3);
    says(12, true, asked[2].id);
    expect(attached).to.deep.equal([1, 3]);
    expect(settledAt()).to.equal(12);
  });

  it('is told ever more seldom while nothing comes, and soon again when something does', () => {
    operator.join(JOINER);
    says(1, true);
    const toldWithin = (seconds: number): number[] => {
      const told: number[] = [];
      const began = nowMs;
      while (nowMs < began + seconds * 1000) {
        nowMs += 100;
        const before = cursors.length;
        if (nowMs >= operator.lookAtMs || nowMs >= operator.tellAtMs) operator.tick();
        if (cursors.length > before) told.push(nowMs);
      }
      return told;
    };
    const told = toldWithin(210);
    const gaps = told.slice(1).map((ms, i) => Math.floor((ms - told[i]) / 1000));
    expect(gaps).to.deep.equal([10, 20, 40, 60, 60]);
    says(2, true);
    expect(toldWithin(2)).to.have.length.greaterThan(0);
    expect(toldWithin(25), 'again after ten seconds, and twenty').to.have.length(1);
  });
});
