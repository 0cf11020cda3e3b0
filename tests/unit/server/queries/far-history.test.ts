/** Calls for live queries while what one of them reads is brought near: in their order, one fetch at a time, none lost. */
import { expect } from 'chai';
import { FarTurns } from '../../../../server/queries/far-history.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

describe('turns of live queries that wait for object storage', () => {
  it('come at once where nothing is fetched, and behind the fetch of their own query only', async () => {
    const turns = new FarTurns();
    const near = gate();
    const seen: string[] = [];
    turns.run('a', () => turns.hold('a', near.passed, () => seen.push('a begins')));
    turns.run('a', () => seen.push('a is asked'));
    turns.run('b', () => seen.push('b begins'));
    expect(seen).to.deep.equal(['b begins']);
    near.open();
    await settled();
    expect(seen).to.deep.equal(['b begins', 'a begins', 'a is asked']);
    turns.run('a', () => seen.push('a is stopped'));
    expect(seen.at(-1)).to.equal('a is stopped');
  });

  it('go on after a fetch that failed, with its error', async () => {
    const turns = new FarTurns();
    const seen: unknown[] = [];
    const failed = async (): Promise<void> => Promise.reject(new Error('the storage does not answer'));
    turns.hold('a', failed, (error) => seen.push(error?.message));
    turns.run('a', () => seen.push('next'));
    turns.hold(
      'b',
      async () => {},
      (error) => seen.push(error),
    );
    await settled();
    expect(seen).to.deep.equal(['the storage does not answer', 'next', null]);
  });

  it('say nothing any more when they are closed', async () => {
    const turns = new FarTurns();
    const near = gate();
    const seen: string[] = [];
    turns.hold('a', near.passed, () => seen.push('a'));
    turns.run('a', () => seen.push('next'));
    turns.close();
    near.open();
    await settled();
    expect(seen).to.deep.equal([]);
  });

  const seed = seedOfRun();
  it(`keep the order of each query, whoever holds it how often (seed ${seed})`, async () => {
    const random = new Random(seed);
    for (let round = 0; round < 50; round++) {
      const turns = new FarTurns();
      const seen = new Map<string, number[]>();
      let fetching = 0;
      for (let call = 0; call < 40; call++) {
        const operator = `q${random.between(0, 2)}`;
        const told = (): void => void seen.set(operator, [...(seen.get(operator) ?? []), call]);
        let holds = random.next() < 0.3 ? random.between(1, 3) : 0;
        const begin = (): void => {
          if (holds-- <= 0) {
            told();
            return;
          }
          const fetch = async (): Promise<void> => {
            expect(++fetching, 'one fetch at a time').to.equal(1);
            await settled(random.between(1, 3));
            fetching--;
          };
          turns.hold(operator, fetch, begin);
        };
        turns.run(operator, begin);
        if (random.next() < 0.3) await settled(random.between(1, 4));
      }
      await settled(2_000);
      const calls = [...seen.values()];
      expect(calls.reduce((sum, list) => sum + list.length, 0)).to.equal(40);
      for (const list of calls) expect(list).to.deep.equal([...list].sort((a, b) => a - b));
    }
  });
});

// private functions

/** A fetch that ends when it is let. */
function gate(): { readonly passed: () => Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed: () => opened, open: () => open() };
}

/** So many rounds of promises. */
async function settled(rounds = 20): Promise<void> {
  for (let i = 0; i < rounds; i++) await null;
}
