/** Texts that are made to hurt: each is refused with a QueryError that says why, or is parsed; none is let near the stack's end. */
import { expect } from 'chai';
import {
  EXPRESSION_DEPTH_MAX,
  NESTING_MAX,
  parse,
  print,
  QUERY_LENGTH_MAX,
  QueryError,
  TOKENS_MAX,
} from '../../../../query/language/index.ts';

describe('language, hostile texts', () => {
  const deep = `parentheses nested deeper than ${NESTING_MAX}`;
  const refused: readonly (readonly [string, string, string])[] = [
    ['parentheses', 'SELECT ' + '('.repeat(10_000), deep],
    ['calls', 'SELECT ' + 'f('.repeat(10_000), deep],
    ['parentheses behind a regex with a quote', "SELECT /'/, " + '('.repeat(10_000), deep],
    ['parentheses behind divisions', 'SELECT 5 / a / true /' + '('.repeat(10_000), deep],
    ['parentheses behind a comment with a quote', "SELECT /* ' */ " + '('.repeat(10_000), deep],
    ['length', ' '.repeat(QUERY_LENGTH_MAX) + 'SHOW DATABASES', `query is longer than ${QUERY_LENGTH_MAX} characters`],
    ['tokens', 'SELECT ' + 'a,'.repeat(TOKENS_MAX), `query has more than ${TOKENS_MAX} tokens`],
    ['statements', ';'.repeat(TOKENS_MAX + 1), `query has more than ${TOKENS_MAX} tokens`],
    ['operators', 'SELECT ' + '1+'.repeat(EXPRESSION_DEPTH_MAX) + '1 FROM m', 'chains more than'],
    ['a regex without end', 'SELECT /' + '\\/'.repeat(30_000), 'bad regex'],
    ['a comment without end', 'SELECT a FROM m ' + '/* '.repeat(20_000), 'expected */'],
    ['a string without end', "SELECT a FROM m WHERE a = '" + 'x('.repeat(30_000), 'found x('],
    ['digits', 'SELECT ' + '9'.repeat(60_000) + ' FROM m', 'unable to parse integer'],
    ['a duration of many digits', 'SELECT ' + '9'.repeat(60_000) + 'w FROM m', 'overflowed duration'],
    ['a regex too long', `SELECT a FROM /${'x'.repeat(513)}/`, 'regex is longer than 512 bytes'],
    ['a regex that repeats', 'SELECT a FROM /(x{1000}){1000}/', 'error parsing regexp'],
    ['nothing', ' \n', 'missing required parameter "q"'],
    ['a NUL', 'SELECT \0 FROM m', 'found \0, expected identifier'],
    ['half a surrogate', 'SELECT \ud800 FROM m', 'expected identifier'],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => parse(text)).to.throw(QueryError, message);
    });
  }

  it('takes what is within the limits', () => {
    const nested = `SELECT ${'('.repeat(NESTING_MAX)}a${')'.repeat(NESTING_MAX)} FROM m`;
    const signed = `SELECT ${'-f(a * '.repeat(NESTING_MAX)}a${')'.repeat(NESTING_MAX)} FROM m`;
    const chain = `SELECT a FROM m WHERE ${'a = 1 OR '.repeat(1_500)}a = 2`;
    for (const text of [nested, chain]) expect(parse(text).map(print)).to.deep.equal([text]);
    expect(parse(signed)).to.have.length(1);
    expect(parse(`SELECT a FROM m WHERE s = '${'('.repeat(60_000)}' AND h =~ /[(][(]/`)).to.have.length(1);
  });

  it('leaves prototypes alone', () => {
    expect(() => parse('SELECT a FROM m WHERE a = $constructor')).to.throw(
      QueryError,
      'missing parameter: constructor',
    );
    expect(parse('SELECT __proto__ FROM m WHERE constructor = 1').map(print)).to.deep.equal([
      'SELECT __proto__ FROM m WHERE constructor = 1',
    ]);
  });
});
