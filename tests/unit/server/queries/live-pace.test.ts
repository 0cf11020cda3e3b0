/** How much of a thread live queries get: by a clock and a busy thread that the test moves. */
import { expect } from 'chai';
import { LivePace } from '../../../../server/queries/live-pace.ts';

describe('pace of live queries', () => {
  /** Lets time pass in which the thread is busy with other things for a share of it. */
  function thread(): { pace: LivePace; pass: (ms: number, others: number) => void; work: (ms: number) => void } {
    let [now, busy] = [0, 0];
    const pace = new LivePace(
      () => now,
      () => busy,
      () => busy,
    );
    return {
      pace,
      pass(ms, others) {
        for (let left = ms; left > 0; left -= 100) {
          now += Math.min(left, 100);
          busy += Math.min(left, 100) * others;
          void pace.allows;
        }
      },
      work: (ms) =>
        pace.spend(() => {
          now += ms;
          busy += ms;
        }),
    };
  }

  it('gives most of a thread that has nothing else to do', () => {
    const { pace, pass } = thread();
    pass(5_000, 0);
    expect(pace.share).to.equal(0.7);
    expect(pace.allows).to.equal(true);
  });

  it('gives a little of a busy one, and never less', () => {
    const { pace, pass, work } = thread();
    pass(5_000, 1);
    expect(pace.share).to.be.closeTo(0.04, 1e-9);
    let worked = 0;
    for (let i = 0; i < 1_000; i++) {
      pass(10, 1);
      if (!pace.allows) continue;
      work(10);
      worked += 10;
    }
    expect(worked / (10_000 + worked)).to.be.within(0.025, 0.055);
  });

  it('does not take its own work for that of others', () => {
    const { pace, pass, work } = thread();
    for (let i = 0; i < 100; i++) {
      work(50);
      pass(50, 0);
    }
    expect(pace.share).to.equal(0.7);
  });

  it('has work that cannot wait paid back', () => {
    const { pace, pass, work } = thread();
    pass(5_000, 1);
    work(500);
    expect(pace.allows).to.equal(false);
    pass(1_000, 1);
    expect(pace.allows).to.equal(false);
    pass(8_000, 1);
    expect(pace.allows).to.equal(true);
  });

  it('gives turns some of a busy one though all else has taken its share', () => {
    const { pace, pass, work } = thread();
    pass(5_000, 1);
    let turns = 0;
    for (let i = 0; i < 1_000; i++) {
      work(20);
      pass(80, 1);
      if (i > 10) expect(pace.allows).to.equal(false);
      if (!pace.allowsTurns) continue;
      pace.spendOnTurns(() => work(5));
      turns += 5;
    }
    expect(turns / (100_000 + turns)).to.be.within(0.01, 0.03);
  });

  it('counts turns by the clock where the time of a thread is not known', () => {
    let now = 0;
    const pace = new LivePace(
      () => now,
      () => now,
      () => 0,
    );
    let turns = 0;
    for (; now < 100_000; now += 100) {
      pace.spend(() => (now += 20));
      if (!pace.allowsTurns) continue;
      pace.spendOnTurns(() => (now += 5));
      turns += 5;
    }
    expect(turns / now).to.be.within(0.01, 0.03);
  });

  it('counts work inside of work once', () => {
    const { pace, pass, work } = thread();
    pass(1_000, 0);
    pace.spend(() => work(60));
    pass(100, 0);
    expect(pace.allows).to.equal(true);
  });
});
