/** parse(print(statement)) = statement, for random statements as the parser can make them. Prints its seed; SEED repeats it. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { BinaryOperator, Expression, MeasurementSource, Statement } from '../../query/language/index.ts';
import { parse, print, QueryError, walk } from '../../query/language/index.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const RANKS: readonly (readonly BinaryOperator[])[] = [
  ['OR'],
  ['AND'],
  ['=', '!=', '<', '<=', '>', '>='],
  ['+', '-', '|', '^'],
  ['*', '/', '%', '&'],
];

const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,6}$/),
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('select', 'from', 'fill', 'time', 'Time', '"', '\\', "'", '\n', 'a.b', 'DURATION', '__proto__'),
);
const pattern = fc.constantFrom(
  '',
  'a',
  '^web/.*$',
  '\\d+',
  '[a-z]+',
  'a|b',
  '\\\\',
  'x/y',
  "'",
  '"',
  '\\.',
  '--',
  '[/*]',
);
const count = fc.oneof(fc.constant(0), fc.nat());
const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const duration = fc.oneof(
  fc.bigInt(-(2n ** 63n - 1n), 2n ** 63n - 1n),
  fc.bigInt(-90n, 90n).map((n) => n * 60_000_000_000n),
);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.oneof(int64, fc.bigInt(0n, 2n ** 64n - 1n)).map((value): Expression => ({ kind: 'integer', value })),
  finite.map((value): Expression => ({ kind: 'number', value })),
  fc.oneof(name, fc.string()).map((value): Expression => ({ kind: 'string', value })),
  fc.boolean().map((value): Expression => ({ kind: 'boolean', value })),
  duration.map((ns): Expression => ({ kind: 'duration', ns })),
  fc
    .tuple(name, fc.constantFrom(null, 'float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag'))
    .map(([text, cast]): Expression => ({ kind: 'reference', name: text, cast })),
  fc.constantFrom(null, 'field', 'tag').map((of): Expression => ({ kind: 'wildcard', of })),
);

/** A field or an argument is an expression, or a regex alone. */
const { expression, argument } = fc.letrec<{ expression: Expression; argument: Expression; operand: Expression }>(
  (tie) => ({
    argument: fc.oneof(
      { weight: 5, arbitrary: tie('expression') },
      pattern.map((text): Expression => ({ kind: 'regex', pattern: text })),
    ),
    operand: fc.oneof(
      { maxDepth: 3 },
      leaf,
      tie('expression').map((inner): Expression => ({ kind: 'parenthesis', inner })),
      fc
        .tuple(name, fc.array(tie('argument'), { maxLength: 3 }))
        .map(([text, args]): Expression => ({ kind: 'call', name: text.toLowerCase(), args })),
    ),
    expression: fc
      .tuple(
        tie('operand'),
        fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat(), tie('operand'), pattern), { maxLength: 4 }),
      )
      .map(([first, rest]) => climb(first, rest)),
  }),
);

/** Comparisons and AND, OR belong to WHERE. */
const field = argument.filter((whole) => {
  let calculates = true;
  walk(whole, (e) => {
    if (e.kind === 'binary' && !['+', '-', '|', '^', '*', '/', '%', '&'].includes(e.operator)) calculates = false;
    return undefined;
  });
  return calculates;
});

const source: fc.Arbitrary<MeasurementSource> = fc.record({
  database: fc.option(name.filter(Boolean)),
  retentionPolicy: fc.option(name.filter(Boolean)),
  name: fc.oneof(
    name.map((text) => ({ text })),
    pattern.map((regex) => ({ regex })),
  ),
});
const clauses = {
  database: fc.option(name),
  sources: fc.array(source, { maxLength: 3 }),
  condition: fc.option(expression),
  limit: count,
  offset: count,
};
const statement: fc.Arbitrary<Statement> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('select' as const),
      fields: fc.array(fc.record({ expression: field, alias: fc.option(name) }), { minLength: 1, maxLength: 3 }),
      sources: fc.array(source, { minLength: 1, maxLength: 3 }),
      condition: fc.option(expression),
      dimensions: fc.array(
        fc.oneof(
          fc.record({
            kind: fc.constant('time' as const),
            interval: duration,
            offset: fc.option(duration.map((ns): Expression => ({ kind: 'duration', ns }))),
          }),
          name.filter((text) => text.toLowerCase() !== 'time').map((text) => ({ kind: 'tag' as const, name: text })),
          fc.constant({ kind: 'wildcard' as const }),
          pattern.map((text) => ({ kind: 'regex' as const, pattern: text })),
        ),
        { maxLength: 3 },
      ),
      fill: fc.option(
        fc.oneof(
          fc.constantFrom('null', 'none', 'previous', 'linear').map((kind) => ({ kind }) as { kind: 'null' }),
          fc.oneof(int64, finite).map((value) => ({ kind: 'value' as const, value })),
        ),
      ),
      order: fc.constantFrom('ascending', 'descending'),
      limit: count,
      offset: count,
      seriesLimit: count,
      seriesOffset: count,
    }),
  },
  fc.record({ kind: fc.constantFrom('create database' as const, 'drop database' as const), database: name }),
  fc.record({ kind: fc.constant('show databases' as const) }),
  fc.record({ kind: fc.constant('show retention policies' as const), database: fc.option(name) }),
  fc.record({ kind: fc.constantFrom('show tag keys' as const, 'show series' as const), ...clauses }),
  fc.record({ kind: fc.constant('show field keys' as const), ...clauses, condition: fc.constant(null) }),
  fc
    .record({
      kind: fc.constant('show measurements' as const),
      match: fc.option(
        fc.oneof(
          name.map((text) => ({ text })),
          pattern.map((regex) => ({ regex })),
        ),
      ),
      negated: fc.boolean(),
      ...clauses,
      sources: fc.constant([]),
    })
    .map((show) => ({ ...show, negated: show.negated && show.match !== null })),
  fc.record({
    kind: fc.constant('show tag values' as const),
    key: fc.oneof(
      fc.record({ operator: fc.constantFrom('=' as const, '!=' as const), key: name }),
      fc.record({ operator: fc.constantFrom('=~' as const, '!~' as const), pattern }),
      fc.record({ operator: fc.constant('in' as const), keys: fc.array(name, { minLength: 1, maxLength: 3 }) }),
    ),
    ...clauses,
  }),
);

describe(`language, parse(print(statement)) = statement (SEED=${SEED})`, () => {
  it('holds for single statements', () => {
    fc.assert(
      fc.property(statement, (one) => {
        const text = print(one);
        expect(parse(text), text).to.deep.equal([one]);
      }),
      { seed: SEED, numRuns: 300 },
    );
  }).timeout(60_000);

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
      { seed: SEED, numRuns: 300 },
    );
  }).timeout(60_000);
});

// private functions

/** Left-associative trees by precedence, independent of the parser's own way. The longest tail of the loosest operator first. */
function climb(first: Expression, rest: readonly (readonly [number, number, Expression, string])[]): Expression {
  if (rest.length === 0) return first;
  const loosest = Math.min(...rest.map(([rank]) => rank));
  const index = rest.findLastIndex(([rank]) => rank === loosest);
  const [rank, choice, operand, text] = rest[index]!;
  const left = climb(first, rest.slice(0, index));
  if (rank === 2 && choice % 3 === 0 && index === rest.length - 1) {
    return { kind: 'binary', operator: choice % 2 === 0 ? '=~' : '!~', left, right: { kind: 'regex', pattern: text } };
  }
  const operators = RANKS[rank]!;
  return {
    kind: 'binary',
    operator: operators[choice % operators.length]!,
    left,
    right: climb(operand, rest.slice(index + 1)),
  };
}
