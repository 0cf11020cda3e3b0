/**
 * The head, and the store around it, against a Map: random batches (out of order, duplicate, sparse, of conflicting types, decades
 * apart) applied in order must read back as a Map of (series, time) would, over any time range, series and fields, whatever becomes of
 * the batches' bytes; the store also while it seals and after it has been opened again, at random moments.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { FieldType, SeriesChoice } from '../../model/index.ts';
import { Head, MemoryFiles, ShardStore } from '../../storage/index.ts';
import { batchOf, rowsOf, type TestPoint, type TestValue, textOf } from '../unit/storage/points.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const KEYS = [
  '',
  'a=1',
  'a=2',
  'a=1,b=x',
  'a=2,b=y\\ z',
  'c=3',
  ...Array.from({ length: 20 }, (_, i) => `host=a rather long name of a host ${i}`.replaceAll(' ', '\\ ')),
];
const FIELDS = ['f', 'g', 'i', 'u', 's', 'b'];
const EPOCH = 1_700_000_000_000_000_000n;

const NAMED = { database: 'db', retentionPolicy: 'autogen', measurement: 'm' };

type Scan = { low: bigint; high: bigint; mask: boolean[] | null; fields: string[] | null };

class Oracle {
  readonly rows = new Map<string, { key: string; time: bigint; fields: Record<string, string> }>();
  readonly #types = new Map<string, FieldType>();
  readonly #newest = new Map<string, bigint>();

  apply(points: readonly TestPoint[]): { late: number[]; conflicts: string[] } {
    const late: number[] = [];
    const lost = new Map<string, number>();
    const found = new Map(points.flatMap((p) => Object.entries(p.fields).map(([name, v]) => [name, v.type])));
    for (const [name, type] of found) if (!this.#types.has(name)) this.#types.set(name, type);
    for (const [row, { key, time, fields }] of points.entries()) {
      const kept = Object.entries(fields).filter(([name, v]) => v.type === this.#types.get(name));
      for (const [name, v] of Object.entries(fields)) {
        if (v.type !== this.#types.get(name)) lost.set(name, (lost.get(name) ?? 0) + 1);
      }
      if (kept.length === 0) continue;
      const newest = this.#newest.get(key);
      if (newest !== undefined && time <= newest) late.push(row);
      else this.#newest.set(key, time);
      const name = `${key} ${time}`;
      const entry = this.rows.get(name) ?? { key, time, fields: {} };
      for (const [field, v] of kept) entry.fields[field] = textOf(v.type, v.value);
      this.rows.set(name, entry);
    }
    return {
      late,
      conflicts: [...found.keys()].flatMap((name) => (lost.has(name) ? [`${name} ${lost.get(name)}`] : [])),
    };
  }
}

describe(`the head against a map (SEED=${SEED})`, () => {
  it('answers every scan as the map does', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(pointsOf(), scanOf()), { minLength: 1, maxLength: 12 }), (steps) => {
        const head = new Head();
        const oracle = new Oracle();
        for (const [points, scan] of steps) {
          const { batch, bytes } = batchOf(points);
          const applied = head.apply(batch);
          const expected = oracle.apply(points);
          expect([...(applied.late ?? [])]).to.deep.equal(expected.late);
          expect(applied.conflicts.map((c) => `${c.field} ${c.rows}`)).to.deep.equal(expected.conflicts);
          bytes.fill(0xff);
          compare(head, oracle, scan);
        }
        compare(head, oracle, { low: -(2n ** 63n), high: 2n ** 63n - 1n, mask: null, fields: null });
        expect(head.stats().points).to.equal(oracle.rows.size);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  it('does so from buckets too, while they are written, and after a start', async () => {
    const steps = fc.array(fc.tuple(pointsOf(), scanOf(), momentOf()), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const files = new MemoryFiles();
        let store = await openStore(files);
        const oracle = new Oracle();
        const everything = { low: -(2n ** 63n), high: 2n ** 63n - 1n, mask: null, fields: null };
        for (const [at, [points, scan, moment]] of list.entries()) {
          const { batch, bytes } = batchOf(points);
          const applied = store.apply(batch);
          store.applied(at + 1);
          const expected = oracle.apply(points);
          expect([...(applied.late ?? [])]).to.deep.equal(expected.late);
          expect(applied.conflicts.map((c) => `${c.field} ${c.rows}`)).to.deep.equal(expected.conflicts);
          bytes.fill(0xff);
          if (moment !== 'none') void store.seal();
          if (moment === 'sealing') await turns(points.length);
          else if (moment !== 'none') await store.seal();
          compare(store, oracle, scan);
          if (moment === 'reopened') {
            await store.close();
            store = await openStore(files);
            // what has not been sealed comes from the stream again
            for (let n = store.sealed; n <= at; n++) store.apply(batchOf(list[n][0]).batch);
            store.applied(at + 1);
            compare(store, oracle, scan);
          }
          compare(store, oracle, everything);
        }
        await store.close();
      }),
      { seed: SEED, numRuns: 250 },
    );
  });

  it('gives to a reader that has pinned it what was there, whatever comes meanwhile', async () => {
    const steps = fc.array(fc.tuple(pointsOf(), scanOf(), momentOf()), { minLength: 2, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 0, max: 11 }), fc.boolean(), async (list, pinAt, isDropped) => {
        const store = await openStore(new MemoryFiles());
        const request = { ...NAMED, minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n, series: null };
        let reader: { read(): Promise<unknown>; expected: unknown } | null = null;
        for (const [at, [points, { low, high, fields }, moment]] of list.entries()) {
          store.apply(batchOf(points).batch);
          store.applied(at + 1);
          if (at === pinAt % list.length) {
            const table = store.series('db', 'autogen', 'm')!;
            const pinned = store.pin({ ...request, fields })!;
            const now = store.scan({ ...request, minTime: low, maxTime: high, fields });
            reader = {
              expected: sorted(rowsOf(now, (s) => table.key(s))),
              read: async () => {
                const blocks = [];
                for (const step of pinned.scan({ min: low, max: high }, null)) {
                  if (!(step instanceof Promise)) blocks.push(step);
                  await turns(1);
                }
                pinned.release();
                return sorted(rowsOf(blocks, (s) => table.key(s)));
              },
            };
          }
          if (moment !== 'none') void store.seal();
          if (moment === 'sealing') await turns(points.length);
        }
        if (isDropped) store.dropDatabase('db');
        expect(await reader!.read()).to.deep.equal(reader!.expected);
        await store.close();
      }),
      { seed: SEED, numRuns: 250 },
    );
  });
});

// private functions

type Moment = 'none' | 'sealing' | 'sealed' | 'reopened';

function momentOf(): fc.Arbitrary<Moment> {
  return fc.constantFrom('none', 'none', 'none', 'sealing', 'sealed', 'reopened');
}

/** It seals only when it is told to. */
function openStore(files: MemoryFiles): Promise<ShardStore> {
  return ShardStore.open(files, '/data/shard-0', {
    shard: 0,
    failed: (error) => {
      throw error;
    },
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  });
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

function compare(head: Head | ShardStore, oracle: Oracle, { low, high, mask, fields }: Scan): void {
  const table = head.series('db', 'autogen', 'm')!;
  const series =
    mask === null ? null : Uint8Array.from({ length: table.size }, (_, i) => (mask[i % mask.length] ? 1 : 0));
  const wantedKeys = new Set(
    Array.from({ length: table.size }, (_, i) => i).flatMap((i) => (series?.[i] === 0 ? [] : [table.key(i)])),
  );
  const request = { database: 'db', retentionPolicy: 'autogen', measurement: 'm', series, fields };
  const found = (choice: SeriesChoice) =>
    rowsOf(head.scan({ ...request, series: choice, minTime: low, maxTime: high }), (s) => table.key(s));
  const want = new Map<string, Record<string, string>>();
  for (const [name, row] of oracle.rows) {
    if (row.time < low || row.time > high || !wantedKeys.has(row.key)) continue;
    want.set(name, Object.fromEntries(Object.entries(row.fields).filter(([f]) => fields?.includes(f) ?? true)));
  }
  // Rows that have none of the fields wanted may be there or not.
  expect(sorted(found(series))).to.deep.equal(sorted(want));
  if (series === null) return;
  const list = Uint32Array.from(series.keys()).filter((number) => series[number] === 1);
  expect(sorted(found(list))).to.deep.equal(sorted(want));
}

function sorted(rows: Map<string, Record<string, string>>): [string, Record<string, string>][] {
  return [...rows].filter(([, fields]) => Object.keys(fields).length > 0).sort(([a], [b]) => (a < b ? -1 : 1));
}

function timeOf(): fc.Arbitrary<bigint> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 30 }).map((n) => EPOCH + BigInt(n) * 1_000_000_000n) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 50 }).map((n) => EPOCH + BigInt(n) * 86_400_000_000_000n) },
    { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }).map(BigInt) },
  );
}

/** Decades do not fit in one batch: its offsets are bounded. */
function pointsOf(): fc.Arbitrary<TestPoint[]> {
  const point = fc.record({
    key: fc.constantFrom(...KEYS),
    time: timeOf(),
    fields: fc.uniqueArray(fc.constantFrom(...FIELDS), { minLength: 1, maxLength: 4 }),
    values: fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 6, maxLength: 6 }),
  });
  const shape = fc.record({
    points: fc.array(point, { minLength: 1, maxLength: 25 }),
    isSorted: fc.boolean(),
    wide: fc.integer({ min: 0, max: 4 }),
    swap: fc.integer({ min: 0, max: 6 }),
  });
  return shape.map(({ points, isSorted, wide, swap }) => {
    const near = points.filter((p) => (p.time - points[0].time) ** 2n < 2n ** 103n);
    if (isSorted) near.sort((a, b) => Number(a.time - b.time));
    return near.map(({ key, time, fields, values }) => {
      return {
        key,
        time,
        fields: Object.fromEntries(fields.map((name, i) => [name, cellOf(name, values[i], wide === 0, swap)])),
      };
    });
  });
}

/** The field's usual value, or, where `swap` picks the field, one of another type. */
function cellOf(name: string, n: number, isWide: boolean, swap: number): TestValue {
  if (FIELDS[swap] === name) return { type: name === 'f' ? 'string' : 'float', value: name === 'f' ? `t${n}` : n };
  switch (name) {
    case 'i':
      return { type: 'integer', value: isWide ? BigInt(n) * 2n ** 60n : n };
    case 'u':
      return { type: 'unsigned', value: isWide ? 2n ** 64n - 1n - BigInt(Math.abs(n)) : Math.abs(n) };
    case 's':
      return { type: 'string', value: `text ${n} ü` };
    case 'b':
      return { type: 'boolean', value: n > 0 };
    default:
      return { type: 'float', value: n / 4 };
  }
}

function scanOf(): fc.Arbitrary<Scan> {
  return fc.record({
    low: timeOf(),
    high: timeOf(),
    mask: fc.option(fc.array(fc.boolean(), { minLength: 1, maxLength: 7 })),
    fields: fc.option(fc.uniqueArray(fc.constantFrom(...FIELDS), { minLength: 1 })),
  });
}
