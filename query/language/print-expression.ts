/**
 * Expressions, names and literals → canonical text, as InfluxDB prints them: names in quotes only where they need them, durations in
 * the largest unit that divides them, numbers without exponent and with a point. Never fails on what the parser made; a tree made
 * by hand gets parentheses where its shape needs them.
 */
import type { Expression } from './ast.ts';
import { KEYWORDS } from './grammar.ts';
import { precedence } from './precedence.ts';

const RESERVED: ReadonlySet<string> = new Set(KEYWORDS);
const BARE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const UNITS: readonly (readonly [bigint, string])[] = [
  [604_800_000_000_000n, 'w'],
  [86_400_000_000_000n, 'd'],
  [3_600_000_000_000n, 'h'],
  [60_000_000_000n, 'm'],
  [1_000_000_000n, 's'],
  [1_000_000n, 'ms'],
  [1_000n, 'u'],
];

export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'integer':
      return String(expression.value);
    case 'number':
      return printNumber(expression.value);
    case 'string':
      return printString(expression.value);
    case 'boolean':
      return String(expression.value);
    case 'duration':
      return printDuration(expression.ns);
    case 'regex':
      return printRegex(expression.pattern);
    case 'reference':
      return printIdentifier(expression.name) + (expression.cast ? '::' + expression.cast : '');
    case 'wildcard':
      return expression.of ? '*::' + expression.of : '*';
    case 'call':
      return `${printIdentifier(expression.name, 'distinct')}(${expression.args.map(printExpression).join(', ')})`;
    case 'parenthesis':
      return `(${printExpression(expression.inner)})`;
    case 'binary': {
      const rank = precedence(expression.operator);
      const left = printSide(expression.left, rank);
      return `${left} ${expression.operator} ${printSide(expression.right, rank + 1)}`;
    }
  }
}

/** The largest unit that divides, as `90m` for an hour and a half. */
export function printDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  const [size, unit] = UNITS.find(([candidate]) => ns % candidate === 0n) ?? [1n, 'ns'];
  return ns / size + unit;
}

/** In quotes where it would not be read as a name; `free` is a reserved word that is allowed at this place. */
export function printIdentifier(name: string, free = ''): string {
  const bare = BARE_NAME.test(name) && (!RESERVED.has(name.toLowerCase()) || name === free);
  return bare ? name : printQuoted(name);
}

/** A name in its quotes, whether it needs them or not. */
export function printQuoted(name: string): string {
  return `"${escapeText(name, '"')}"`;
}

/** The language has no exponents: `1e21` is written out. */
export function printNumber(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  const [, sign, whole, , fraction = '', exponent] = /^(-?)(\d+)(\.(\d+))?(?:e([+-]\d+))?$/.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`a literal must be a finite number, got ${value}`);
  const digits = whole + fraction;
  const point = whole.length + Number(exponent ?? 0);
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0');
  const cut = Math.max(point, 1);
  return `${sign}${padded.slice(0, cut)}.${padded.slice(cut) || '0'}`;
}

/** A slash is escaped unless the pattern already does; a line cannot end inside a regex, but `\n` means the same. */
export function printRegex(pattern: string): string {
  const body = pattern.replace(/\\[\s\S]|\/|\n/g, (part) => (part === '/' ? '\\/' : part.replace(/\\?\n/, '\\n')));
  return `/${body}/`;
}

export function printString(text: string): string {
  return `'${escapeText(text, "'")}'`;
}

// private functions

function printSide(expression: Expression, rank: number): string {
  const text = printExpression(expression);
  return expression.kind === 'binary' && precedence(expression.operator) < rank ? `(${text})` : text;
}

function escapeText(text: string, quote: string): string {
  return text.replace(/[\\\n'"]/g, (character) => {
    if (character === '\n') return '\\n';
    return character === '\\' || character === quote ? '\\' + character : character;
  });
}
