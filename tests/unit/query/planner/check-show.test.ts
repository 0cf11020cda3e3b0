/** What counting SHOW statements refuse before any shard is asked. */
import { expect } from 'chai';
import { checkCount, parse, type Statement } from '../../../../query/index.ts';

describe('query/planner: SHOW … CARDINALITY', () => {
  for (const what of ['SERIES', 'MEASUREMENT', 'TAG KEY', 'FIELD KEY']) {
    it(`${what}: takes measurements that have names, and no condition of time`, () => {
      expect(() => checkCount(counting(`${what} EXACT CARDINALITY FROM m WHERE host = 'a'`))).not.to.throw();
      expect(() => checkCount(counting(`${what} EXACT CARDINALITY FROM m, ""`))).to.throw('invalid measurement');
      expect(() => checkCount(counting(`${what} EXACT CARDINALITY FROM m WHERE time > 1`))).to.throw(
        `CARDINALITY doesn't support time in WHERE clause`,
      );
    });
  }
});

function counting(text: string): Extract<Statement, { kind: 'show cardinality' }> {
  const [statement] = parse(`SHOW ${text}`);
  if (statement.kind !== 'show cardinality') throw new Error(`${text} is a ${statement.kind}`);
  return statement;
}
