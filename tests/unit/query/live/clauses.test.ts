/** WATERMARK, LATENESS and EMIT: what they change of a live query's time rules, and what nothing keeps yet. */
import { expect } from 'chai';
import { parse, type SelectStatement } from '../../../../query/index.ts';
import { timeRules } from '../../../../query/runtime/live-clauses.ts';
import { DEFAULT_RULES } from '../../../../query/runtime/watermark.ts';

const SECOND = 1_000_000_000n;

describe('live clauses', () => {
  it('leave the defaults where they say nothing', () => {
    expect(rules('')).to.deep.equal(DEFAULT_RULES);
    expect(rules('WATERMARK DELAY 0s')).to.deep.equal(DEFAULT_RULES);
  });

  it('set delay, idle, ahead, lateness and the pace', () => {
    expect(rules('WATERMARK DELAY 2s IDLE 3s AHEAD 4s')).to.deep.equal({
      ...DEFAULT_RULES,
      delay: 2n * SECOND,
      idle: 3n * SECOND,
      ahead: 4n * SECOND,
    });
    expect(rules('LATENESS 5m').lateness).to.equal(300n * SECOND);
    expect(rules('LATENESS 5m UPDATE').lateness).to.equal(300n * SECOND);
    expect(rules('EMIT ON LATE, ON CLOSE, EVERY 100ms ON CHANGE').emitEvery).to.equal(SECOND / 10n);
  });

  it('leave out rows of open windows', () => {
    expect(rules('EMIT ON LATE, ON CLOSE')).to.deep.equal({ ...DEFAULT_RULES, finalOnly: true });
  });

  it('are refused where they ask for what is not kept', () => {
    for (const clause of ['WATERMARK PER SERIES', 'LATENESS 1m RECOMPUTE', 'LATENESS 1m INTO x', 'EMIT FINAL']) {
      expect(() => rules(clause), clause).to.throw('live query: ');
    }
    expect(() => rules('EMIT EVERY 1s, ON CLOSE, ON LATE')).to.throw('EMIT other than EVERY');
    expect(() => rules('EMIT EVERY 1s ON CHANGE, ON CLOSE, ON CLOSE')).to.throw('EMIT other than EVERY');
  });
});

// private functions

function rules(clauses: string): typeof DEFAULT_RULES {
  return timeRules(parse(`SELECT mean(v) FROM m GROUP BY time(1m) ${clauses}`)[0] as SelectStatement);
}
