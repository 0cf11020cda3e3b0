/** The small public pieces: regexes, printing of trees made by hand, walking and rewriting. */
import { expect } from 'chai';
import {
  compileRegex,
  type Expression,
  printDuration,
  printExpression,
  printIdentifier,
  QueryError,
  transform,
  unwrap,
  walk,
} from '../../../../query/language/index.ts';

const A: Expression = { kind: 'reference', name: 'a', cast: null };
const SUM: Expression = { kind: 'binary', operator: '+', left: A, right: { kind: 'integer', value: 1n } };

describe('language, pieces', () => {
  it('matches anywhere, in linear time, and refuses what it cannot', () => {
    expect(compileRegex('b+').test('abbc')).to.equal(true);
    expect(compileRegex('^b').test('abbc')).to.equal(false);
    expect(compileRegex('^(a+)+$').test('a'.repeat(50_000) + 'b')).to.equal(false);
    expect(() => compileRegex('(')).to.throw(
      QueryError,
      'error parsing query: error parsing regexp: missing closing ): `(`',
    );
    expect(() => compileRegex('(?=a)')).to.throw(QueryError);
    expect(() => compileRegex('é'.repeat(257))).to.throw(QueryError, 'longer than 512 bytes');
  });

  it('adds the parentheses that a tree made by hand needs', () => {
    expect(printExpression({ kind: 'binary', operator: '*', left: SUM, right: SUM })).to.equal('(a + 1) * (a + 1)');
    expect(printExpression({ kind: 'binary', operator: '-', left: SUM, right: SUM })).to.equal('a + 1 - (a + 1)');
  });

  it('prints numbers without exponent', () => {
    const texts = [1e21, 1.5e-7, 5e-324, -0, 123.25].map((value) => printExpression({ kind: 'number', value }));
    expect(texts[0]).to.equal('1000000000000000000000.0');
    expect(texts[1]).to.equal('0.00000015');
    expect(Number(texts[2])).to.equal(5e-324);
    expect(texts.slice(3)).to.deep.equal(['-0.0', '123.25']);
    expect(() => printExpression({ kind: 'number', value: Infinity })).to.throw(RangeError);
  });

  it('prints names and durations in their shortest form', () => {
    expect(['a', 'A_1', '1a', 'group', 'a b', '', 'a"b'].map((name) => printIdentifier(name))).to.deep.equal([
      'a',
      'A_1',
      '"1a"',
      '"group"',
      '"a b"',
      '""',
      '"a\\"b"',
    ]);
    expect([0n, 1n, -5_400_000_000_000n, 604_800_000_000_000n].map(printDuration)).to.deep.equal([
      '0s',
      '1ns',
      '-90m',
      '1w',
    ]);
  });

  it('walks parents first and rewrites leaves first, sharing what does not change', () => {
    const call: Expression = { kind: 'call', name: 'f', args: [{ kind: 'parenthesis', inner: SUM }, A] };
    const seen: string[] = [];
    walk(call, (one) => {
      seen.push(one.kind);
      return one.kind !== 'parenthesis';
    });
    expect(seen).to.deep.equal(['call', 'parenthesis', 'reference']);
    expect(transform(call, (one) => one)).to.equal(call);
    const renamed = transform(call, (one) => (one.kind === 'reference' ? { ...one, name: 'b' } : one));
    expect(printExpression(renamed)).to.equal('f((b + 1), b)');
    expect(unwrap({ kind: 'parenthesis', inner: { kind: 'parenthesis', inner: A } })).to.equal(A);
  });
});
