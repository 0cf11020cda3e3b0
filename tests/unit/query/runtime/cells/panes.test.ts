/** PaneStore as the live driver uses it: changes, replacing, resetting and dropping windows. */
import { expect } from 'chai';
import {
  mergeSchemas,
  PaneStore,
  type Plan,
  parse,
  planSelect,
  type SelectStatement,
} from '../../../../../query/index.ts';
import { ArraySource, rowsOf } from '../../support/array-source.ts';
import { NOW } from '../../support/ask.ts';

const MINUTE = 60_000_000_000n;
const A = { name: 'm', tags: ['a'] };

describe('query/runtime: PaneStore', () => {
  it('tells whole states of the cells that changed, once', () => {
    const { plan, source } = planned('m,host=a v=1 0\nm,host=a v=2 1\nm,host=b v=5 60000000000');
    const store = new PaneStore(plan);
    add(store, source);
    const changed = store.takeChanged()!;
    expect(changed.groups.map(({ tags }) => tags[0]).sort()).to.deep.equal(['a', 'b']);
    expect(store.takeChanged()).to.equal(null);
    const home = new PaneStore(plan);
    home.replace(changed);
    home.replace(changed);
    expect(home.states[0].result(home.find(A, 0))).to.equal(3);
    home.merge(changed);
    expect(home.states[0].result(home.find(A, 0))).to.equal(6);
  });

  it('leaves out the rows to skip', () => {
    const { plan, source } = planned('m,host=a v=1 0\nm,host=a v=2 1\nm,host=a v=4 2');
    const store = new PaneStore(plan);
    for (const block of source.scan(request()))
      store.add(block, 0, source.series('db', 'autogen', 'm')!, Uint32Array.of(1));
    expect(store.states[0].result(store.find(A, 0))).to.equal(5);
  });

  it('empties a window and tells so; forgets windows before a number', () => {
    const { plan, source } = planned(`m,host=a v=1 0\nm,host=a v=2 ${MINUTE}\nm,host=a v=4 ${2n * MINUTE}`);
    const store = new PaneStore(plan);
    add(store, source);
    store.takeChanged();
    store.reset(1);
    const home = new PaneStore(plan);
    home.replace(store.takeChanged()!);
    expect(home.ordered().length).to.equal(0);
    expect(Array.from(store.ordered(), (slot) => store.windowOf(slot))).to.deep.equal([0, 2]);
    store.dropBefore(2);
    expect(store.size).to.equal(1);
    expect(store.find(A, 0)).to.equal(-1);
    add(store, source);
    expect(store.states[0].result(store.find(A, 0))).to.equal(1);
  });

  it('gives cells of many values in partials that each have few, which are the same when they are merged', () => {
    const text = Array.from({ length: 40_000 }, (_, i) => `m,host=a v=${(i * 7_919) % 36_007},w=${i % 5} ${i}`).join(
      '\n',
    );
    const several = 'median(v), percentile(w, 30), mode(v), count(distinct(v)), sum(v), max(w)';
    for (const asked of [several, 'distinct(v)', 'top(v, 35000)', 'percentile(v, 70), w']) {
      const { plan, source } = planned(`${text}\nm,host=b v=3,w=1 0`, `SELECT ${asked} FROM m GROUP BY time(1m), host`);
      const store = new PaneStore(plan);
      add(store, source);
      const home = new PaneStore(plan);
      const partials = [...store.partials(store.ordered())];
      expect(partials.length, asked).to.be.greaterThan(2);
      for (const partial of partials) {
        for (const state of partial.states) {
          for (const items of Object.values(state ?? {})) expect(items.length, asked).to.be.at.most(6 * 32_768);
          const counts = state?.counts;
          if (counts instanceof Uint32Array) expect(Math.max(...counts), asked).to.be.at.most(32_768);
        }
        home.merge(structuredClone(partial));
      }
      expect(home.ordered().length).to.equal(2);
      for (const slot of store.ordered()) {
        const same = home.find(store.groupOf(slot), store.windowOf(slot));
        for (const [a, state] of store.states.entries()) {
          const [found, expected] = [home.states[a], state].map((one, i) => {
            const at = i === 0 ? same : slot;
            const chosen = plan.aggregates[a].name === 'percentile' ? [one.time!(at), one.carried!(at, 0)] : [];
            return JSON.stringify([one.result(at), one.results?.(at), one.points?.(at), ...chosen.map(String)]);
          });
          expect(found === expected, asked).to.equal(true);
        }
      }
    }
  });
});

// private functions

function request(): Parameters<ArraySource['scan']>[0] {
  const range = { minTime: -(2n ** 62n), maxTime: 2n ** 62n };
  return { database: 'db', retentionPolicy: 'autogen', measurement: 'm', ...range, series: null, fields: null };
}

function planned(
  text: string,
  select = 'SELECT sum(v) FROM m GROUP BY time(1m), host',
): { plan: Plan; source: ArraySource } {
  const source = new ArraySource(rowsOf(text), 100);
  const [statement] = parse(select);
  const schemas = (...wanted: Parameters<ArraySource['describe']>) => mergeSchemas([source.describe(...wanted)]);
  const context = { database: 'db', defaultRetentionPolicy: 'autogen', now: NOW, schemas };
  return { plan: planSelect(statement as SelectStatement, context), source };
}

function add(store: PaneStore, source: ArraySource): void {
  for (const block of source.scan(request())) store.add(block, 0, source.series('db', 'autogen', 'm')!);
}
