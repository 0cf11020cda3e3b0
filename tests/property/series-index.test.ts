/** The index of series beside plain maps: sets of series by random predicates, keys and numbers, while series come. */
import { expect } from 'chai';
import { compareText, parseSeriesKey, seriesKey, type TagPredicate, TextDictionary } from '../../model/index.ts';
import { finished } from '../../query/runtime/source/steps.ts';
import { HeadSeries } from '../../storage/head/series.ts';
import { Random, seedOfRun } from '../support/random.ts';

const ROUNDS = 20;
const VALUES = ['', 'a', 'b', 'eu west', 'x,y', 'k=v', 'back\\slash', 'ü', '日本', 'a'.repeat(200)];
const TAGS = ['host', 'region', 'user', 'odd key', 'eq=ual'];

const seed = seedOfRun();

describe(`the index of series against plain maps (SEED=${seed})`, () => {
  it('finds the same series by every mix of predicates', () => {
    const random = new Random(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const table = new HeadSeries();
      const known: string[] = [];
      const numbers = new Map<string, number>();
      const size = random.pick([3, 50, 3_000]);
      for (let batch = 0; batch < 4; batch++) {
        const keys = Array.from({ length: random.between(1, size) }, () => randomKey(random, size));
        const given = table.number(TextDictionary.of(keys));
        keys.forEach((key, i) => {
          if (!numbers.has(key)) {
            numbers.set(key, known.length);
            known.push(key);
          }
          expect(given[i]).to.equal(numbers.get(key));
        });
        expect(table.size).to.equal(known.length);
        const tags = known.map((key) => new Map(parseSeriesKey(key)));
        for (let ask = 0; ask < 8; ask++) {
          const predicates = Array.from({ length: random.between(0, 3) }, () => randomPredicate(random, size));
          const passes = (i: number): boolean => predicates.every((p) => meets(p, tags[i].get(p.key) ?? ''));
          expect([...finished(table.matching(predicates))]).to.deep.equal([...known.keys()].filter(passes));
        }
        for (let ask = 0; ask < 20; ask++) {
          const i = random.between(0, known.length - 1);
          const key = random.pick(TAGS);
          expect(table.tag(i, key)).to.equal(tags[i].get(key) ?? '');
          expect(table.key(i)).to.equal(known[i]);
          expect(table.find(new TextEncoder().encode(known[i]))).to.equal(i);
          expect(table.find(new TextEncoder().encode(`none=${i}`))).to.equal(-1);
          const other = random.between(0, known.length - 1);
          expect(Math.sign(table.compare(i, other))).to.equal(Math.sign(compareText(known[i], known[other])));
        }
        const keyTexts = table.keys(0, table.size);
        expect(known.map((_, i) => keyTexts.get(i))).to.deep.equal(known);
      }
      const named = new Set(known.flatMap((key) => parseSeriesKey(key).map(([name]) => name)));
      expect(table.tagKeys()).to.deep.equal([...named].sort(compareText));
    }
  });

  it('asks a test once for each distinct value', () => {
    const table = new HeadSeries();
    table.number(TextDictionary.of(Array.from({ length: 10_000 }, (_, i) => `n=${i},region=r${i % 7}`)));
    const asked: string[] = [];
    const test = (value: string): boolean => {
      asked.push(value);
      return value === 'r3';
    };
    expect(finished(table.matching([{ key: 'region', test }])).length).to.equal(1_429);
    expect(asked.sort()).to.deep.equal(['', 'r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']);
    asked.length = 0;
    expect([
      ...finished(
        table.matching([
          { key: 'region', test },
          { key: 'n', equals: '10' },
        ]),
      ),
    ]).to.deep.equal([10]);
    expect(asked).to.deep.equal(['r3']);
  });
});

// private functions

function randomKey(random: Random, size: number): string {
  const tags = TAGS.filter(() => random.next() < 0.6).map((key): [string, string] => {
    return [key, key === 'user' ? `u${random.between(0, size)}` : random.pick(VALUES)];
  });
  return seriesKey(tags);
}

function randomPredicate(random: Random, size: number): TagPredicate {
  const key = random.pick([...TAGS, 'unknown']);
  const value = key === 'user' ? `u${random.between(0, size)}` : random.pick(VALUES);
  switch (random.between(0, 3)) {
    case 0:
      return { key, equals: value };
    case 1:
      return { key, test: (text) => text !== value };
    case 2:
      return { key, test: (text) => text.includes('a') };
    default:
      return { key, test: (text) => text.length % 2 === 1 };
  }
}

function meets(predicate: TagPredicate, value: string): boolean {
  return 'equals' in predicate ? value === predicate.equals : predicate.test(value);
}
