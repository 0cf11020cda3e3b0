/**
 * HeldRows against a sorted list: rows that come in any order, in large batches and small ones, are replaced, let go, and read from a
 * time on.
 */
import { expect } from 'chai';
import { type Column, compareText } from '../../../../model/index.ts';
import { parse, planSelect, type SelectStatement } from '../../../../query/index.ts';
import type { Plan } from '../../../../query/planner/plan.ts';
import { HeldRows } from '../../../../query/runtime/live/home/held-rows.ts';
import { timeColumn } from '../../../../query/runtime/live/live-rows.ts';
import { ColumnBuilder, columnReader } from '../../../../query/runtime/source/columns.ts';
import type { RowsPartial } from '../../../../query/runtime/source/partial.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const BEGIN = 1_700_000_000_000_000_000n;
const ALL = { floor: null, closed: null };

interface Row {
  readonly group: string;
  readonly series: string;
  readonly time: bigint;
  readonly v: number | null;
}

describe('query/runtime/held-rows', () => {
  const seed = seedOfRun();

  it(`hold what a sorted list would (seed ${seed})`, () => {
    const random = new Random(seed);
    const plan = planOf('SELECT v, w FROM m GROUP BY host');
    const held = new HeldRows(plan);
    let rows: Row[] = [];
    let at = 0;
    for (let step = 0; step < 80; step++) {
      at += random.between(0, 400);
      const count = random.pick([1, 3, 40, 900]);
      const back = random.pick([0, 0, 0, 300, 5_000]);
      const came = Array.from({ length: count }, (_, n): Row => {
        const group = random.pick(['a', 'b']);
        const time = BEGIN + BigInt(at + n - random.between(0, back));
        return {
          group,
          series: `host=${group},x=${random.between(1, 3)}`,
          time,
          v: step % 7 === 6 ? null : step * 1000 + n,
        };
      });
      const span = random.next() < 0.1 ? { min: BEGIN + BigInt(at - 700), max: BEGIN + BigInt(at - 200) } : null;
      if (span !== null) rows = rows.filter(({ time }) => time < span.min || time > span.max);
      const taken = new Set(rows.map(({ series, time }) => `${series} ${time}`));
      const fresh = came.filter(
        ({ series, time }) => !taken.has(`${series} ${time}`) && taken.add(`${series} ${time}`),
      );
      rows.push(...fresh);
      held.take(0, partialsOf(fresh), span, () => ALL);
      rows.sort(byAnswer);
      if (random.next() < 0.15) {
        const before = BEGIN + BigInt(at - random.between(500, 8_000));
        held.dropBefore(before);
        rows = rows.filter(({ time }) => time >= before);
      }
      const from = random.next() < 0.5 ? null : BEGIN + BigInt(at - random.between(-100, 4_000));
      expect(shown(held.tables(null, from)), `step ${step}`).to.equal(texts(rows, from));
      for (const group of ['a', 'b']) {
        const own = rows.filter((row) => row.group === group);
        const first = from === null ? 0 : own.findLastIndex(({ time, v }) => time < from && v !== null);
        const found = shown(held.tables(JSON.stringify(['m', group]), from, 1));
        expect(found, `step ${step}`).to.equal(texts(own.slice(Math.max(first, 0)), null));
      }
      expect(held.rows).to.equal(rows.length);
    }
  });
});

// private functions

function planOf(text: string): Plan {
  return planSelect(parse(text)[0] as SelectStatement, {
    database: 'd',
    defaultRetentionPolicy: 'autogen',
    now: BEGIN,
    schemas: () => [
      { name: 'm', fields: new Map([['v', 'integer'] as const, ['w', 'integer'] as const]), tagKeys: ['host', 'x'] },
    ],
  });
}

/** As a shard sends them: by group, each in order of (time, series). */
function partialsOf(rows: readonly Row[]): RowsPartial[] {
  const sorted = [...rows].sort(byAnswer);
  return ['a', 'b'].flatMap((group): RowsPartial[] => {
    const own = sorted.filter((row) => row.group === group);
    if (own.length === 0) return [];
    const keys = [...new Set(own.map(({ series }) => series))];
    const v = new ColumnBuilder('integer');
    const w = new ColumnBuilder('integer');
    for (const row of own) {
      v.push(row.v);
      w.push(1);
    }
    return [
      {
        kind: 'rows',
        groups: [{ name: 'm', tags: [group] }],
        ends: Uint32Array.of(own.length),
        rows: own.length,
        base: own[0].time,
        offsets: Float64Array.from(own, ({ time }) => Number(time - own[0].time)),
        series: Uint32Array.from(own, ({ series }) => keys.indexOf(series)),
        seriesKeys: keys,
        columns: [v.finish(), w.finish()],
      },
    ];
  });
}

/** By group, time and series; those alike in the order in which they came. */
function byAnswer(a: Row, b: Row): number {
  return compareText(a.group, b.group) || Number(a.time - b.time) || compareText(a.series, b.series);
}

function texts(rows: readonly Row[], from: bigint | null): string {
  return rows
    .filter(({ time }) => from === null || time >= from)
    .map(({ group, time, v }) => `${group} ${time - BEGIN} ${v}`)
    .join('\n');
}

function shown(tables: ReturnType<HeldRows['tables']>): string {
  return [...tables]
    .flatMap((table) => {
      const { base, offsets } = timeColumn(table);
      const valueAt = columnReader(table.data[1] as Column);
      return Array.from({ length: table.rows }, (_, row) => {
        return `${table.tags?.[0][1]} ${base + BigInt(offsets[row]) - BEGIN} ${valueAt(row)}`;
      });
    })
    .join('\n');
}
