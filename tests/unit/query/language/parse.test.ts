/** What golden scripts cannot show: the shape of the tree, bound parameters, and what an error carries. */
import { expect } from 'chai';
import { parse, printExpression, QueryError, type SelectStatement } from '../../../../query/language/index.ts';

describe('language, parse', () => {
  it('binds tighter what InfluxQL binds tighter, and from the left', () => {
    expect(grouped('a - b - c')).to.equal('((a - b) - c)');
    expect(grouped('a + b * c | d & e')).to.equal('((a + (b * c)) | (d & e))');
    expect(grouped('a = 1 OR b = 2 AND c = 3 + d')).to.equal('((a = 1) OR ((b = 2) AND (c = (3 + d))))');
    expect(grouped('-a * b')).to.equal('((-1 * a) * b)');
  });

  it('keeps int64 exact, and tells integers from numbers', () => {
    const [a, b, c] = select('SELECT 9223372036854775807, -9223372036854775808, 1.0 FROM m').fields;
    expect(a!.expression).to.deep.equal({ kind: 'integer', value: 9223372036854775807n });
    expect(b!.expression).to.deep.equal({ kind: 'integer', value: -9223372036854775808n });
    expect(c!.expression).to.deep.equal({ kind: 'number', value: 1 });
  });

  it('reads sources with what is not said', () => {
    expect(select('SELECT a FROM db..m, rp./x/, m').sources).to.deep.equal([
      { database: 'db', retentionPolicy: null, name: { text: 'm' } },
      { database: null, retentionPolicy: 'rp', name: { regex: 'x' } },
      { database: null, retentionPolicy: null, name: { text: 'm' } },
    ]);
  });

  it('binds parameters', () => {
    const params = {
      s: "it's",
      n: 5,
      f: 1.5,
      b: true,
      i: 2n ** 60n,
      d: { duration: '1h' },
      r: { regex: 'a/b' },
      'x y': 1,
    };
    expect(
      condition('a = $s OR a = $n OR a = $f OR a = $b OR a = $i OR a > $d OR a =~ $r OR a = $"x y"', params),
    ).to.equal(
      "a = 'it\\'s' OR a = 5 OR a = 1.5 OR a = true OR a = 1152921504606846976 OR a > 1h OR a =~ /a\\/b/ OR a = 1",
    );
    expect(() => condition('a = $x')).to.throw(QueryError, 'error parsing query: missing parameter: x');
    expect(() => condition('a = $x', { x: Number.NaN })).to.throw(QueryError, 'unable to bind parameter');
    expect(() => condition('a =~ $x', { x: 'text' })).to.throw(QueryError, 'found text, expected regex');
    expect(() => condition('a =~ $x', { x: { regex: '(' } })).to.throw(QueryError, 'error parsing regexp');
  });

  it('says where: line and character in the text, and the offset', () => {
    const error = failure('SELECT a\n  FROM cpu\n  WHERE "é" == 5');
    expect(error.message).to.equal(
      'error parsing query: found =, expected identifier, string, number, bool at line 3, char 14',
    );
    expect(error).to.include({ code: 'parse', at: 33 });
  });
});

// private functions

function select(text: string): SelectStatement {
  return parse(text)[0] as SelectStatement;
}

function condition(text: string, params: Record<string, unknown> = {}): string {
  return printExpression((parse(`SELECT a FROM m WHERE ${text}`, params)[0] as SelectStatement).condition!);
}

/** With parentheses around every operation. */
function grouped(text: string): string {
  return show(select(`SELECT a FROM m WHERE ${text}`).condition!);
}

function show(expression: Parameters<typeof printExpression>[0]): string {
  if (expression.kind !== 'binary') return printExpression(expression);
  return `(${show(expression.left)} ${expression.operator} ${show(expression.right)})`;
}

function failure(text: string): QueryError {
  try {
    parse(text);
  } catch (error) {
    return error as QueryError;
  }
  throw new Error('parsed');
}
