/** The states of one series of an alert: by example, and against a plain description of when a level is on. */
import { expect } from 'chai';
import {
  type AlertRules,
  isPending,
  type JudgedWindow,
  judge,
  remind,
  type SeriesState,
  type Step,
  silence,
  type Verdict,
} from '../../../../server/alerts/series-state.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const RULES: AlertRules = { levels: [{ name: 'critical', for: 0n }], noData: null, remindEveryMs: null };
const YES: Verdict = { holds: true, ends: false };
const NO: Verdict = { holds: false, ends: true };
/** Between the condition and UNTIL. */
const BETWEEN: Verdict = { holds: false, ends: false };
const BOTH: Verdict = { holds: true, ends: true };
const SCHEDULES = 2_000;

describe('states of a series of an alert', () => {
  it('is on at once without FOR, and ok when the condition no longer holds', () => {
    expect(levels(RULES, [[NO], [YES], [YES], [NO]])).to.deep.equal([null, 'critical', 'critical', null]);
  });

  it('waits for FOR, from the start of the first window to the end of the last', () => {
    const rules = { ...RULES, levels: [{ name: 'critical', for: 30n }] };
    expect(levels(rules, [[YES], [YES], [NO], [YES], [YES], [YES], [NO]])).to.deep.equal([
      ...[null, null, null],
      ...[null, null, 'critical', null],
    ]);
    const { state } = judge(rules, null, window(0, [YES]), 0)!;
    expect([isPending(state), state.level]).to.deep.equal([true, null]);
  });

  it('stays on between the condition and UNTIL, but does not come on there', () => {
    expect(levels(RULES, [[BETWEEN], [YES], [BETWEEN], [BETWEEN], [NO], [BETWEEN]])).to.deep.equal([
      ...[null, 'critical', 'critical', 'critical'],
      ...[null, null],
    ]);
  });

  it('has the first level that is on, and goes down by the levels’ own ends', () => {
    const rules = { ...RULES, levels: ['critical', 'warning'].map((name) => ({ name, for: 0n })) };
    const said = [
      [BETWEEN, YES],
      [YES, YES],
      [BETWEEN, BETWEEN],
      [NO, BETWEEN],
      [NO, NO],
    ];
    expect(levels(rules, said)).to.deep.equal(['warning', 'critical', 'critical', 'warning', null]);
  });

  it('says a silence once, at the moment it became too long, and takes the level up again with the next row', () => {
    const rules = { ...RULES, noData: { name: 'silent', for: 50n } };
    const { state } = judge(rules, null, window(0, [YES]), 0)!;
    expect(silence(rules, state, 59n, 1)).to.equal(null);
    const silent = silence(rules, state, 75n, 1)!;
    expect(silent.change).to.deep.equal({ level: 'silent', previous: 'critical', reason: 'no data', at: 60n });
    expect(silence(rules, silent.state, 90n, 2)).to.equal(null);
    const back = judge(rules, silent.state, window(9, [YES]), 3)!;
    expect(back.change).to.deep.equal({ level: 'critical', previous: 'silent', reason: 'condition', at: 100n });
  });

  it('begins to count FOR anew behind a silence that was told', () => {
    const rules = { ...RULES, levels: [{ name: 'critical', for: 20n }], noData: { name: 'silent', for: 50n } };
    const pending = judge(rules, null, window(0, [YES]), 0)!.state;
    const silent = silence(rules, pending, 60n, 1)!.state;
    const next = judge(rules, silent, window(9, [YES]), 2)!;
    expect([next.state.level, isPending(next.state)]).to.deep.equal([null, true]);
    expect(judge(rules, pending, window(9, [YES]), 2)!.state.level, 'one that was not told').to.equal('critical');
  });

  it('reminds of a level that is on, by the clock, until it is ok', () => {
    const rules = { ...RULES, remindEveryMs: 1000 };
    const { state } = judge(rules, null, window(0, [YES]), 500)!;
    expect(remind(rules, state, 1499)).to.equal(null);
    const reminded = remind(rules, state, 1500)!;
    expect(reminded.change).to.deep.equal({ level: 'critical', previous: 'critical', reason: 'reminder', at: 10n });
    expect(remind(rules, reminded.state, 2000)).to.equal(null);
    expect(remind(rules, judge(rules, state, window(1, [NO]), 600)!.state, 9000)).to.equal(null);
  });

  it('judges a revision of the last window from where it stood before, and leaves older windows alone', () => {
    const rules = { ...RULES, levels: [{ name: 'critical', for: 20n }] };
    const first = judge(rules, null, window(0, [YES]), 0)!.state;
    const fired = judge(rules, first, window(1, [YES]), 0)!;
    const revised = judge(rules, fired.state, window(1, [NO]), 0)!;
    expect(revised.change).to.include({ level: null, previous: 'critical' });
    expect(judge(rules, revised.state, window(1, [YES]), 0)!.change).to.include({ level: 'critical' });
    expect(judge(rules, fired.state, window(0, [NO]), 0)).to.equal(null);
  });

  it('agrees with a plain description, whatever comes twice, is revised, or is kept and read again', () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    for (let n = 0; n < SCHEDULES; n++) {
      const rules = anyRules(random);
      const said = Array.from({ length: random.between(1, 12) }, () =>
        rules.levels.map(() => random.pick([YES, NO, BETWEEN, BOTH])),
      );
      let state: SeriesState | null = null;
      let level: string | null = null;
      said.forEach((verdicts, i) => {
        const rows = [verdicts];
        if (random.next() < 0.3) rows.unshift(rules.levels.map(() => random.pick([YES, NO, BETWEEN, BOTH])));
        if (random.next() < 0.3) rows.push(verdicts);
        for (const row of rows) {
          const step: Step = judge(rules, state, window(i, row), i)!;
          expect(step.change?.previous ?? level, `SEED=${seed} schedule ${n}: what was told last`).to.equal(level);
          expect(step.change === null, `SEED=${seed} schedule ${n}: a change`).to.equal(step.state.level === level);
          state = step.state;
          level = step.state.level;
        }
        const wanted = rules.levels.find((_, l) => isOn(rules, said.slice(0, i + 1), l))?.name ?? null;
        expect(level, `SEED=${seed} schedule ${n} window ${i}`).to.equal(wanted);
      });
    }
  });
});

// private functions

/** Windows of 10 ns. */
function window(number: number, verdicts: readonly Verdict[]): JudgedWindow {
  return { start: BigInt(number) * 10n, end: BigInt(number + 1) * 10n, verdicts };
}

function levels(rules: AlertRules, said: readonly (readonly Verdict[])[]): (string | null)[] {
  let state: SeriesState | null = null;
  return said.map((verdicts, i) => {
    state = judge(rules, state, window(i, verdicts), 0)!.state;
    return state.level;
  });
}

function anyRules(random: Random): AlertRules {
  const names = ['critical', 'warning', 'notice'].slice(0, random.between(1, 3));
  return { ...RULES, levels: names.map((name) => ({ name, for: BigInt(random.between(0, 4)) * 10n })) };
}

/** There is a run of windows that hold, long enough and beginning where the level was off, with nothing behind it that ends it. */
function isOn(rules: AlertRules, said: readonly (readonly Verdict[])[], level: number): boolean {
  const needed = Number(rules.levels[level].for / 10n);
  let off = 0;
  for (let i = 0; i < said.length; i++) {
    const { holds, ends } = said[i][level];
    const run = said.slice(off, i + 1).map((verdicts) => verdicts[level]);
    const length = run.reverse().findIndex((verdict) => !verdict.holds || verdict.ends);
    const held = holds && !ends ? (length < 0 ? run.length : length) : 0;
    if (held === 0 || held < needed) continue;
    const end = said.findIndex((verdicts, at) => at > i && verdicts[level].ends);
    if (end < 0) return true;
    off = end + 1;
    i = end;
  }
  return false;
}
