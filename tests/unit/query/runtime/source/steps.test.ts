/**
 * Nothing that a query does over all it holds goes on for long without a step: what is done between two of them is counted here, in
 * comparisons and rows, since a clock says nothing on a machine that is busy.
 */
import { expect } from 'chai';
import { type SeriesChoice, type SeriesTable, TextDictionary } from '../../../../../model/index.ts';
import { ChosenState } from '../../../../../query/functions/chosen.ts';
import { KeptState } from '../../../../../query/functions/kept.ts';
import { MedianState } from '../../../../../query/functions/median.ts';
import { ordered, ranked } from '../../../../../query/functions/ordered.ts';
import { selectNumber, selectRank } from '../../../../../query/functions/rank-select.ts';
import { TallyState } from '../../../../../query/functions/tally.ts';
import {
  type DeletionStatement,
  parse,
  Shown,
  type ShowStatement,
  type Source,
  showAnswer,
  showShard,
} from '../../../../../query/index.ts';
import { bindCondition } from '../../../../../query/planner/bind.ts';
import { CellTable } from '../../../../../query/runtime/cells/cells.ts';
import { firstSeries } from '../../../../../query/runtime/live/first-series.ts';
import { orderOfRows } from '../../../../../query/runtime/raw/row-order.ts';
import { DistinctTexts } from '../../../../../query/runtime/rows/distinct-texts.ts';
import { RowFilter } from '../../../../../query/runtime/rows/filter.ts';
import { finished, inTurns, STEP_ROWS, STEP_SERIES, type Steps } from '../../../../../query/runtime/source/steps.ts';
import { HeadSeries } from '../../../../../storage/head/series.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';

const ROWS = 400_000;
const SEED = seedOfRun();

describe(`steps (SEED=${SEED})`, () => {
  const random = new Random(SEED);

  it('finds the item of a rank as a sort does, whatever is equal, with at most so many comparisons in a step', () => {
    for (const distinct of [1, 3, 1_000, ROWS]) {
      const values = Float64Array.from({ length: ROWS / 4 }, () => random.between(0, distinct));
      const sorted = values.slice().sort();
      for (const rank of [0, 1, ROWS / 8, ROWS / 4 - 2, ROWS / 4 - 1]) {
        let compared = 0;
        let most = 0;
        const steps = selectRank(values.length, rank, (a, b) => {
          most = Math.max(most, ++compared);
          return values[a] - values[b];
        });
        let step = steps.next();
        for (; step.done !== true; step = steps.next()) compared = 0;
        expect(values[step.value[rank]], `rank ${rank} of ${distinct}`).to.equal(sorted[rank]);
        expect(most).to.be.at.most(STEP_ROWS);
      }
    }
  });

  it('finds the number of a rank as a sort does, whatever is equal', () => {
    for (const distinct of [1, 2, 3, 1_000, ROWS]) {
      const values = Float64Array.from({ length: ROWS / 40 }, () => random.between(-distinct, distinct));
      const sorted = values.slice().sort();
      for (const rank of [0, 1, 2, ROWS / 80, ROWS / 40 - 2, ROWS / 40 - 1]) {
        for (const given of [values, sorted, sorted.toReversed()]) {
          const numbers = given.slice();
          expect(finished(selectNumber(numbers, rank))).to.equal(undefined);
          expect(numbers[rank], `rank ${rank} of ${distinct}`).to.equal(sorted[rank]);
          expect(Math.max(...numbers.subarray(0, rank))).to.be.at.most(sorted[rank]);
        }
      }
    }
    expect(() => finished(selectNumber(new Float64Array(1), 0))).to.not.throw();
  });

  it('chooses the series of SLIMIT with few looked at and compared in a step', () => {
    const groups = Array.from({ length: ROWS / 4 }, (_, i) => ({ name: 'm', tags: [`h${(i * 7919) % (ROWS / 4)}`] }));
    let looked = 0;
    let most = 0;
    const watched = groups.map(({ name, tags }) => ({
      name,
      get tags() {
        most = Math.max(most, ++looked);
        return tags;
      },
    }));
    const steps = firstSeries({ groupBy: ['host'], seriesLimit: ROWS / 8, seriesOffset: 10 }, watched);
    let step = steps.next();
    let behind = 0;
    for (; step.done !== true; step = steps.next()) {
      if (looked === 0) behind++;
      looked = 0;
    }
    expect(most).to.be.at.most(2 * STEP_SERIES);
    // what is put in order is compared some seventeen times
    expect(behind).to.be.at.least((12 * groups.length) / STEP_ROWS);
    const sorted = groups.map(({ tags }) => tags[0]).sort();
    expect(step.value.map(({ tags }) => tags[0])).to.deep.equal(sorted.slice(10, 10 + ROWS / 8));
  });

  it('puts items that are compared in order, equal ones as they stand, with few comparisons in a step', () => {
    const values = Uint32Array.from({ length: ROWS / 10 }, () => random.between(0, 5_000));
    let compared = 0;
    let most = 0;
    const steps = ordered(values.length, (a, b) => {
      most = Math.max(most, ++compared);
      return values[a] - values[b];
    });
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) compared = 0;
    const order = [...step.value];
    expect(order).to.deep.equal([...values.keys()].sort((a, b) => values[a] - values[b] || a - b));
    expect(most).to.be.at.most(STEP_ROWS);
    const ranks = finished(ranked(values.length, (a, b) => values[a] - values[b]));
    const sorted = values.slice().sort();
    expect(order.every((item) => ranks[item] === sorted.indexOf(values[item]))).to.equal(true);
  });

  it('chooses many points as a sort does, whatever is equal and however they come, and puts them in order in steps', () => {
    const count = ROWS / 8;
    for (const name of ['top', 'bottom'] as const) {
      for (const chosen of [1, 7, count / 2, count, 2 * count]) {
        const values = Float64Array.from({ length: count }, () => random.between(0, 500));
        const state = new ChosenState(name, chosen, null, 0);
        for (const [from, to] of [
          [0, count / 4],
          [count / 4, count],
        ]) {
          const times = Float64Array.from({ length: 2 * (to - from) }, (_, i) => (i % 2 === 0 ? 0 : from + (i >> 1)));
          const some = { values: [...values.subarray(from, to)], times, carried: [] };
          state.merge({ counts: Uint32Array.of(to - from), ...some }, Int32Array.of(0));
        }
        const best = [...values.keys()].sort((a, b) => (values[a] - values[b]) * (name === 'top' ? -1 : 1) || a - b);
        const expected = best.slice(0, chosen).sort((a, b) => a - b);
        expect([...state.settle(0)].length).to.be.at.least(Math.floor(expected.length / STEP_ROWS));
        expect(state.points(0).map(({ low }) => low)).to.deep.equal(expected);
        expect(state.result(0)).to.equal(values[best[0]]);
      }
    }
  });

  it('gives distinct values by their first time, in steps', () => {
    const state = new TallyState('distinct');
    const values = Array.from({ length: ROWS / 10 }, (_, i) => (i * 7_919) % (ROWS / 10));
    const numbers = Float64Array.from({ length: 5 * values.length }, (_, i) => (i % 5 === 2 ? -Math.floor(i / 5) : 1));
    state.merge({ counts: Uint32Array.of(values.length), values, numbers }, Int32Array.of(0));
    expect([...state.settle(0)].length).to.be.at.least(values.length / STEP_ROWS);
    expect(state.results(0)).to.deep.equal(values.toReversed());
  });

  it('puts rows in order in steps', () => {
    const numbers = (below: number): Float64Array =>
      Float64Array.from({ length: ROWS }, () => random.between(0, below));
    const keys = {
      rows: ROWS,
      group: Uint32Array.from(numbers(9)),
      groupRank: Uint32Array.from({ length: 10 }, (_, i) => 9 - i),
      series: Uint32Array.from(numbers(99)),
      seriesRank: Uint32Array.from({ length: 100 }, (_, i) => i),
      high: numbers(3),
      low: numbers(2 ** 31),
    };
    // group, series, and three digits of the time at least, each looked at twice
    expect(stepsOf(orderOfRows(keys, true))).to.be.at.least((2 * 5 * ROWS) / STEP_ROWS);
  });

  it('puts cells in order in steps, also where their windows came in none', () => {
    const cells = new CellTable();
    for (let i = 0; i < ROWS; i++) cells.slot(0, (i * 7_919) % ROWS);
    const ordering = (): Steps<Int32Array> => cells.order(Uint32Array.of(0), () => true);
    expect(stepsOf(ordering())).to.be.at.least((5 * ROWS) / STEP_ROWS);
    expect(Array.from(finished(ordering()).slice(0, 3), (slot) => cells.window[slot])).to.deep.equal([0, 1, 2]);
  });

  it('finds the median of a large cell in steps, and remembers it', () => {
    const values = Float64Array.from({ length: ROWS }, () => random.between(0, 1_000_000));
    const none = { times: new Float64Array(0), series: new Uint32Array(0), keys: [], carried: [] };
    const sorted = values.slice().sort();
    for (const state of [new KeptState(null, 0, null), new MedianState()]) {
      state.grow(1);
      state.merge({ counts: Uint32Array.of(ROWS), values, ...none }, Int32Array.of(0));
      expect([...state.settle(0)].length).to.be.at.least(ROWS / STEP_ROWS);
      expect([...state.settle(0)]).to.deep.equal([]);
      expect(state.result(0)).to.equal((sorted[ROWS / 2 - 1] + sorted[ROWS / 2]) / 2);
    }
  });

  it('shows very many series and values of tags in steps, looking at few series in each', () => {
    const size = ROWS / 8;
    let looked = 0;
    let most = 0;
    const look = <T>(value: T): T => {
      most = Math.max(most, ++looked);
      return value;
    };
    const table: SeriesTable = {
      size,
      key: (series) => look(`host=h${(series * 7_919) % size}`),
      tag: (series) => look(`h${series % (size / 2)}`),
      tagKeys: () => ['host'],
    };
    const schema = { name: 'm', fields: new Map(), tagKeys: ['host'] };
    const source = { describe: () => [schema], series: () => table } as unknown as Source;
    const context = { database: 'db', defaultRetentionPolicy: '', now: 0n };
    for (const [text, rows] of [
      ['SHOW SERIES', size],
      ['SHOW TAG VALUES WITH KEY = host', size / 2],
      ["SHOW SERIES WHERE host =~ /h/ OR host = 'x'", size],
    ] as const) {
      const statement = parse(text)[0] as ShowStatement;
      const shown = new Shown();
      for (const parts of showShard(statement, context, source)) {
        looked = 0;
        expect((parts ?? []).reduce((sum, part) => sum + part.rows.length, 0)).to.be.at.most(8_192);
        shown.add(structuredClone(parts ?? []));
      }
      // of each series its key and the tag of two conditions
      expect(most, text).to.be.at.most(3 * 4_096);
      const answer = [...showAnswer(statement, shown)];
      expect(answer.filter((step) => step === null).length, text).to.be.at.least(rows / STEP_ROWS);
      expect(answer.reduce((sum, step) => sum + (step?.rows ?? 0), 0)).to.equal(rows);
    }
  });

  it('chooses series by conditions in steps, with few values and series in each, and those that come later by themselves', () => {
    const keys = (from: number, to: number): TextDictionary =>
      TextDictionary.of(
        Array.from({ length: to - from }, (_, i) => `host=h${random.between(0, ROWS)}-${from + i},zone=z${i % 3}`),
      );
    for (const text of [
      'host =~ /7/',
      "host =~ /^h.*-5.*$/ AND zone = 'z1'",
      "host =~ /99/ OR zone = 'z2'",
      "host !~ /1/ AND zone != 'z0' AND host != zone",
      "zone =~ /z/ AND other = ''",
    ]) {
      const table = new HeadSeries();
      table.number(keys(0, ROWS / 8));
      const [{ condition }] = parse(`DELETE WHERE ${text}`) as [DeletionStatement];
      const bound = bindCondition(condition!, { fields: new Map(), tagKeys: ['host', 'zone', 'other'] });
      let asked = 0;
      let most = 0;
      const counted: SeriesTable = {
        size: table.size,
        key: (series) => table.key(series),
        tag: (series, key) => {
          most = Math.max(most, ++asked);
          return table.tag(series, key);
        },
        tagKeys: () => table.tagKeys(),
        matching: (predicates) =>
          table.matching(
            predicates.map((one) => {
              if ('equals' in one) return one;
              const test = (value: string): boolean => {
                most = Math.max(most, ++asked);
                return one.test(value);
              };
              return { key: one.key, test };
            }),
          ),
      };
      const whole = numbersOf(new RowFilter(bound).series(table), table.size);
      for (const _ of new RowFilter(bound).ask(counted)) asked = 0;
      expect(most, text).to.be.at.most(2 * 4_096 + 1);
      const filter = new RowFilter(bound);
      finished(filter.ask(table));
      table.number(keys(ROWS / 8, ROWS / 8 + 50));
      const later = numbersOf(filter.series(table), table.size);
      expect(later, text).to.deep.equal(numbersOf(new RowFilter(bound).series(table), table.size));
      expect(later.filter((series) => series < ROWS / 8)).to.deep.equal(whole);
    }
  });

  it('knows which texts came before, however many', () => {
    const texts = new DistinctTexts();
    const known = new Set<string>();
    for (let i = 0; i < ROWS / 8; i++) {
      const text = `${random.between(0, 30_000)}`;
      expect(texts.add(text) === !known.has(text)).to.equal(true);
      known.add(text);
    }
  });

  it('does nothing more once the query is given up', async () => {
    let done = 0;
    const work = function* (): Steps<number> {
      for (;;) {
        done++;
        yield null;
      }
    };
    const turn = (): null => {
      if (done === 3) throw new Error('query interrupted');
      return null;
    };
    const error = await inTurns(work(), turn).catch((cause: Error) => cause.message);
    expect([error, done]).to.deep.equal(['query interrupted', 3]);
  });
});

// private functions

function numbersOf(choice: SeriesChoice, size: number): number[] {
  if (choice instanceof Uint32Array) return [...choice];
  return Array.from({ length: size }, (_, series) => series).filter(
    (series) => choice === null || choice[series] === 1,
  );
}

function stepsOf(steps: Steps<unknown>): number {
  let count = 0;
  for (let step = steps.next(); step.done !== true; step = steps.next()) count++;
  return count;
}
