/** Names and texts in queries, read back by the language itself. */
import { expect } from 'chai';
import { quoteName, quoteText } from '../../../../client/sdk/index.ts';
import { parse, type SelectStatement } from '../../../../query/index.ts';

const ODD = ['a', 'my name', 'it\'s "so"', 'a\\b', "\\'", '\\"', 'line\nline', '$&', 'é µ 你', 'from'];

describe('quoting in queries', () => {
  for (const odd of ODD) {
    it(`keeps ${JSON.stringify(odd)}`, () => {
      const text = `SELECT ${quoteName(odd)} FROM ${quoteName(odd)} WHERE ${quoteName(odd)} = ${quoteText(odd)}`;
      const { sources, condition } = parse(text)[0] as SelectStatement;
      expect(sources).to.have.length(1);
      expect(sources[0]).to.deep.include({ name: { text: odd } });
      expect(condition).to.include({ kind: 'binary', operator: '=' });
      expect(JSON.stringify(condition).split(JSON.stringify(odd))).to.have.length(3);
    });
  }
});
