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

  it('binds every token at its place, and nothing else', () => {
    const bound = (text: string, params: Record<string, unknown>) => parse(text, params);
    const same = (text: string, params: Record<string, unknown>, literal: string) =>
      expect(bound(text, params)).to.deep.equal(parse(literal));
    same(
      'SELECT $f($v) AS $a FROM $m',
      { f: id('mean'), v: id('v'), a: id('x'), m: id('m') },
      'SELECT mean(v) AS x FROM m',
    );
    same('SELECT v FROM $r tz($z)', { r: { regex: 'a/b' }, z: 'UTC' }, "SELECT v FROM /a\\/b/ tz('UTC')");
    same('SELECT v::$t FROM m LIMIT $n', { t: id('float'), n: 3n }, 'SELECT v::float FROM m LIMIT 3');
    same('SELECT v FROM m WHERE a > 3-$n', { n: -2n }, 'SELECT v FROM m WHERE a > 3-(-2)');
    same('SELECT v -$d /* $n */ FROM m -- $n', { d: { duration: '-1h' } }, 'SELECT v - (-1h) FROM m');
    same("SELECT '$s', $s FROM m", { s: 'x' }, "SELECT '$s', 'x' FROM m");
    same('DROP USER $u; KILL QUERY $n', { u: id('a"b'), n: 7n }, 'DROP USER "a\\"b"; KILL QUERY 7');
  });

  it('lets no value end its token', () => {
    for (const value of ["' OR true OR '", "\\' OR true --", '\\', '"', '*/', '\n', '$s', '/', '\u0000é🙂', '']) {
      const { condition } = select('SELECT v FROM m WHERE a = $s', { s: value });
      expect(condition).to.deep.include({ right: { kind: 'string', value } });
      const { fields } = select('SELECT $i FROM m', { i: id(value) });
      expect(fields[0]!.expression).to.deep.include({ kind: 'reference', name: value });
    }
    for (const pattern of ['/', '\\/', '\\\\', '\\\\/', '"', "'", '--', '/*', ' OR true']) {
      const { condition } = select('SELECT v FROM m WHERE a =~ $r', { r: { regex: pattern } });
      const compiled = (condition as unknown as { right: { pattern: string } }).right.pattern;
      expect(compiled.replaceAll('\\/', '/')).to.equal(pattern.replaceAll('\\/', '/'));
    }
    expect(() => select('SELECT v FROM m WHERE a =~ $r', { r: { regex: '\\' } })).to.throw(
      QueryError,
      'trailing backslash',
    );
  });

  it('binds numbers with all their digits', () => {
    for (const value of [5e-324, 1.7976931348623157e308, -0.1, 123456.789, 1e21, 100.5]) {
      const { condition } = select('SELECT v FROM m WHERE a = $n', { n: value });
      expect(condition).to.deep.include({ right: { kind: 'number', value } });
    }
  });

  it('says of a bound value where its parameter stands', () => {
    expect(() => select('SELECT $v FROM m LIMIT $n', { v: 'a long text', n: 1.5 })).to.throw(
      QueryError,
      'found 1.5, expected integer at line 1, char 24',
    );
    expect(() => select('SELECT v FROM m LIMIT $n', { n: null })).to.throw(
      QueryError,
      'found unable to bind parameter',
    );
    expect(() => select('SELECT $v, FROM m', { v: 'a long text' })).to.throw(QueryError, 'found FROM');
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

function select(text: string, params: Record<string, unknown> = {}): SelectStatement {
  return parse(text, params)[0] as SelectStatement;
}

function id(identifier: string): object {
  return { identifier };
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
