/** parse(print(statement)) = statement, for random statements as the parser can make them. Prints its seed; SEED repeats it. */
import { expect } from 'chai';
import fc from 'fast-check';
import { parse, print, QueryError } from '../../query/language/index.ts';
import { statements } from '../support/arbitrary-statements.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const statement = fc.oneof(statements.asking, statements.administering);

describe(`language, parse(print(statement)) = statement (SEED=${SEED})`, () => {
  it('holds for single statements', () => {
    fc.assert(
      fc.property(statement, (one) => {
        const text = print(one);
        expect(parse(text), text).to.deep.equal([one]);
      }),
      { seed: SEED, numRuns: 500, endOnFailure: true },
    );
  });

  it('never throws anything but a QueryError, whatever is cut from or put into a query', () => {
    const splice = fc.tuple(statement, fc.nat(), fc.nat({ max: 5 }), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(splice, ([one, at, removed, added]) => {
        const text = print(one);
        const start = at % (text.length + 1);
        const broken = text.slice(0, start) + added + text.slice(start + removed);
        try {
          const texts = parse(broken).map(print);
          expect(parse(texts.join(';')).map(print)).to.deep.equal(texts);
        } catch (error) {
          if (!(error instanceof QueryError)) throw new Error(`on ${JSON.stringify(broken)}`, { cause: error });
        }
      }),
      { seed: SEED, numRuns: 500, endOnFailure: true },
    );
  });
});
