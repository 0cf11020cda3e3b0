/** Time rules 1 to 4: the watermark of shards and of a query, by a clock that the test moves. */
import { expect } from 'chai';
import {
  type ClockReading,
  DEFAULT_RULES,
  EventClock,
  type TimeRules,
  Watermark,
} from '../../../../query/runtime/live/watermark.ts';

const SECOND = 1_000_000_000n;
const RULES = DEFAULT_RULES;
/** Ten in the morning of some day, ms. */
const NOW = 1_700_000_000_000;
const AT = BigInt(NOW) * 1_000_000n;

describe('query/runtime/watermark', () => {
  it('the defaults are DELAY 0s IDLE 10s AHEAD 1m LATENESS 1m EVERY 1s', () => {
    expect(RULES).to.deep.equal({
      delay: 0n,
      idle: 10n * SECOND,
      ahead: 60n * SECOND,
      lateness: 60n * SECOND,
      emitEvery: SECOND,
    });
  });

  it('a shard stands at its greatest event time minus the delay', () => {
    const reading = { greatest: AT, arrivalMs: NOW };
    expect(standing(reading).advance(NOW + 9_999)).to.equal(AT);
    expect(standing(reading, { ...RULES, delay: 2n * SECOND }).advance(NOW)).to.equal(AT - 2n * SECOND);
  });

  it('a quiet shard goes on at the pace of the clock after IDLE, from where it stood', () => {
    const lastYear = AT - 365n * 24n * 3600n * SECOND;
    const reading = { greatest: lastYear, arrivalMs: NOW };
    const w = standing(reading);
    expect(w.advance(NOW + 10_000)).to.equal(lastYear);
    expect(w.advance(NOW + 25_000)).to.equal(lastYear + 15n * SECOND);
  });

  it('the clock never moves it past now', () => {
    const reading = { greatest: AT + 30n * SECOND, arrivalMs: NOW };
    const w = standing(reading);
    expect(w.advance(NOW + 15_000)).to.equal(AT + 30n * SECOND);
    expect(w.advance(NOW + 32_000)).to.equal(AT + 32n * SECOND);
  });

  it('the event clock keeps the greatest time and when that arrived', () => {
    const clock = new EventClock();
    expect(clock.reading).to.equal(null);
    clock.observe(AT, NOW);
    clock.observe(AT - SECOND, NOW + 5_000);
    clock.observe(AT, NOW + 6_000);
    expect(clock.reading).to.deep.equal({ greatest: AT, arrivalMs: NOW });
  });

  it('a query stands at the least of its shards that are not idle', () => {
    const w = new Watermark(3, RULES);
    expect(w.advance(NOW)).to.equal(null);
    w.observe(0, { greatest: AT, arrivalMs: NOW });
    w.observe(1, { greatest: AT - 5n * SECOND, arrivalMs: NOW - 9_000 });
    expect(w.advance(NOW)).to.equal(AT - 5n * SECOND);
    expect(w.advance(NOW + 1_000), 'shard 1 is idle now').to.equal(AT);
  });

  it('where all shards are idle it stands where one shard with the same points would', () => {
    const one = new Watermark(1, RULES);
    const two = new Watermark(2, RULES);
    one.observe(0, { greatest: AT, arrivalMs: NOW });
    two.observe(0, { greatest: AT, arrivalMs: NOW });
    two.observe(1, { greatest: AT - 7n * SECOND, arrivalMs: NOW - 4_000 });
    for (const later of [10_000, 12_500, 60_000]) expect(two.advance(NOW + later)).to.equal(one.advance(NOW + later));
  });

  it('never goes back', () => {
    const w = new Watermark(2, RULES);
    w.observe(0, { greatest: AT, arrivalMs: NOW });
    expect(w.advance(NOW)).to.equal(AT);
    w.observe(1, { greatest: AT - 60n * SECOND, arrivalMs: NOW });
    expect(w.advance(NOW)).to.equal(AT);
    w.observe(0, { greatest: AT - SECOND, arrivalMs: NOW + 1_000 });
    expect(w.greatest).to.equal(AT);
    w.raise(AT + 3n * SECOND);
    expect(w.advance(NOW + 1_000)).to.equal(AT + 3n * SECOND);
  });
});

// private functions

/** Of a query over one shard. */
function standing(reading: ClockReading, rules: TimeRules = RULES): Watermark {
  const w = new Watermark(1, rules);
  w.observe(0, reading);
  return w;
}
