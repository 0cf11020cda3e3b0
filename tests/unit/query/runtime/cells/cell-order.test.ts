/** Rows that are put in the order of their cells: which are, and that aggregates say the same of them as of rows in any other order. */
import { expect } from 'chai';
import { PaneStore, type Plan, parse, planSelect, type SelectStatement } from '../../../../../query/index.ts';
import { CellOrder } from '../../../../../query/runtime/cells/cell-order.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';
import { ArraySource, rowsOf } from '../../support/array-source.ts';
import { NOW } from '../../support/ask.ts';

const HOSTS = 4;
const CALLS =
  'sum(v), mean(v), min(v), max(v), first(v), last(v), spread(v), stddev(v), count(v), median(v), mode(v), percentile(v, 40), ' +
  'sum(i), max(i), first(s), count(distinct(i))';

const seed = seedOfRun();

describe(`query/runtime: rows in the order of their cells (SEED=${seed})`, () => {
  it('puts rows of one cell together, each in its place, and the same again', () => {
    const random = new Random(seed);
    const order = new CellOrder();
    for (let round = 0; round < 50; round++) {
      const count = random.between(64, 500);
      const rows = Uint32Array.from({ length: count }, (_, k) => 3 * k);
      const slots = Int32Array.from({ length: count }, (_, k) => (k % 2 === 0 ? 7 : random.pick([1, 900])));
      expect(order.put(rows, slots, count, 1_000)).to.equal(true);
      const found = Array.from({ length: count }, (_, k) => [order.slots[k], order.rows[k]]);
      const expected = [7, 1, 900].flatMap((slot) =>
        Array.from(rows, (row, k) => [slots[k], row]).filter(([of]) => of === slot),
      );
      // cells stand as they are first met
      const firstOf = new Map(found.map(([slot], k) => [slot, k] as const).reverse());
      expected.sort((a, b) => firstOf.get(a[0])! - firstOf.get(b[0])! || a[1] - b[1]);
      expect(found).to.deep.equal(expected);
    }
  });

  it('leaves rows as they stand where cells have few, or theirs stand together', () => {
    const order = new CellOrder();
    const rows = Uint32Array.from({ length: 800 }, (_, k) => k);
    expect(
      order.put(
        rows,
        Int32Array.from(rows, (k) => k % 400),
        800,
        400,
      ),
      'two rows a cell',
    ).to.equal(false);
    expect(
      order.put(
        rows,
        Int32Array.from(rows, (k) => k >> 3),
        800,
        400,
      ),
      'side by side',
    ).to.equal(false);
    expect(
      order.put(
        rows,
        Int32Array.from(rows, (k) => k % 4),
        800,
        400,
      ),
      'and then those of few',
    ).to.equal(true);
    expect(Array.from(order.rows.subarray(0, 200))).to.deep.equal(Array.from({ length: 200 }, (_, i) => 4 * i));
  });

  it('aggregates are those of the rows as they came', () => {
    const random = new Random(seed);
    for (let round = 0; round < 8; round++) {
      const source = points(random);
      const together = planned(source, CALLS);
      const all = new PaneStore(together);
      for (let time = 0; time < 2; time++) add(all, source);
      for (const [a, call] of CALLS.split(/, (?=[a-z])/).entries()) {
        const alone = new PaneStore(planned(source, call));
        for (let time = 0; time < 2; time++) add(alone, source);
        expect(all.ordered().length, call).to.be.greaterThan(2);
        for (const slot of all.ordered()) {
          const same = alone.find(all.groupOf(slot), all.windowOf(slot));
          expect(all.states[a].result(slot), call).to.deep.equal(alone.states[0].result(same));
        }
      }
    }
  });

  it('a row of a window that was forgotten is in a cell of its own, as those of windows in turn are', () => {
    const minute = 60_000_000_000n;
    for (const times of [
      [0n, minute, 1n, minute + 1n],
      [0n, 1n],
    ]) {
      const source = new ArraySource(rowsOf(times.map((time) => `m,host=h0 v=1 ${time}`).join('\n')), 1);
      const store = new PaneStore(planned(source, 'count(v)'));
      const countIn = (window: number): unknown =>
        store.states[0].result(store.find({ name: 'm', tags: ['h0'] }, window));
      for (let life = 0; life < 2; life++) {
        add(store, source);
        expect(countIn(0)).to.equal(2);
        if (times.length > 2) expect(countIn(1)).to.equal(2);
        store.dropBefore(2);
        expect(store.size).to.equal(0);
      }
    }
  });
});

// private functions

/** Of all hosts in turn, within some minutes. */
function points(random: Random): ArraySource {
  const lines = Array.from({ length: random.between(60, 400) }, (_, row) => {
    const i = random.between(0, 20);
    return `m,host=h${row % HOSTS} v=${i / 3},i=${i}i,s="${i % 5}" ${random.between(0, 120)}${row}000000`;
  });
  return new ArraySource(rowsOf(lines.join('\n')), 1_000);
}

function planned(source: ArraySource, calls: string): Plan {
  const schemas = (...wanted: Parameters<ArraySource['describe']>) => [...source.describe(...wanted)];
  const context = { database: 'db', defaultRetentionPolicy: 'autogen', now: NOW, schemas };
  return planSelect(parse(`SELECT ${calls} FROM m GROUP BY time(1m), host`)[0] as SelectStatement, context);
}

function add(store: PaneStore, source: ArraySource): void {
  const range = { minTime: -(2n ** 62n), maxTime: 2n ** 62n };
  const all = { database: 'db', retentionPolicy: 'autogen', measurement: 'm', ...range, series: null, fields: null };
  for (const block of source.scan(all)) store.add(block, 0, source.series('db', 'autogen', 'm')!);
}
