/** Parsed texts: shared, bounded, and never a kept error. */
import { expect } from 'chai';
import { ParsedTexts } from '../../../../server/queries/parsed-texts.ts';

describe('parsed texts', () => {
  it('gives the same statements again, until others have pushed them out', () => {
    const texts = new ParsedTexts();
    const first = texts.statements('SELECT a FROM m');
    expect(texts.statements('SELECT a FROM m')).to.equal(first);
    for (let i = 0; i < 511; i++) texts.statements(`SELECT f${i} FROM m`);
    expect(texts.statements('SELECT a FROM m'), 'used last').to.equal(first);
    for (let i = 0; i < 512; i++) texts.statements(`SELECT g${i} FROM m`);
    const again = texts.statements('SELECT a FROM m');
    expect(again === first).to.equal(false);
    expect(again).to.deep.equal(first);
  });

  it('keeps no long text and no error', () => {
    const texts = new ParsedTexts();
    const long = `SELECT a FROM m WHERE b = '${'x'.repeat(5000)}'`;
    const first = texts.statements(long);
    expect(texts.statements(long) === first).to.equal(false);
    for (let i = 0; i < 2; i++) expect(() => texts.statements('SELECT FROM')).to.throw('error parsing query');
  });
});
