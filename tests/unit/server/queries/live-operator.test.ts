/** Where the clients of a live query stand: a cursor claims no more than what has been told. */
import { expect } from 'chai';
import type { LiveUpdate } from '../../../../query/index.ts';
import { decodeCursor, encodeCursor, newLife } from '../../../../server/queries/cursor.ts';
import { LiveOperator } from '../../../../server/queries/live-operator.ts';
import type { Joiner, OperatorPort } from '../../../../server/queries/operator-port.ts';
import { planOf } from '../../query/live/simulation.ts';

const JOINER: Joiner = { subscriber: 1, feed: 'f', epoch: null, refs: false, snapshot: true, since: '' };

describe('the cursor of a live query', () => {
  let nowMs: number;
  let cursors: string[];
  let operator: LiveOperator;

  beforeEach(() => {
    nowMs = 1_700_000_000_000;
    cursors = [];
    const port: OperatorPort = {
      shards: 1,
      nowMs: () => nowMs,
      hasTime: () => true,
      frame: (_feed, _to, frame) => void cursors.push(frame.cursor),
      attached: () => undefined,
      heard: () => new Float64Array(1),
      start: () => undefined,
      stop: () => undefined,
      history: () => undefined,
      missed: (op, round) => says(20, false, round, op.instance),
      expire: () => undefined,
      reach: () => undefined,
      windows: () => undefined,
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
