/**
 * Turns the failures of the grammar into the sentence InfluxDB would say: `found X, expected Y at line L, char C`. Called by
 * parse.ts for a text that did not match. The grammar knows everything that could have stood at the place; InfluxDB names only
 * what would have helped, so what is optional is left out here.
 */
import { parseError, type QueryError } from './errors.ts';
import { describePosition, skipSpace, tokenAt } from './tokens.ts';

/** As InfluxDB lists them: a text that is no statement is most likely meant to be one of these. */
const STATEMENTS = 'SELECT, DELETE, SHOW, CREATE, DROP, EXPLAIN, GRANT, REVOKE, ALTER, SET, KILL'.split(', ');
const OPERANDS = ['identifier', 'string', 'number', 'bool'];
const SIGNED_OPERANDS = ['identifier', 'number', 'duration', '('];
const CASTS = ['float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag'];
const PRIVILEGES = ['READ', 'WRITE', 'ALL [PRIVILEGES]'];
/** Where InfluxDB reads an operand, which is no regex. */
const AFTER_OPERATOR = /(?:[-+*/%&|^<>=]|\b(?:and|or|where)|(?:^|[^\w"])\()\s*$/i;
/** The order in which errors list what they expect; what is not here follows, sorted. */
const ORDER = ['identifier', ...CASTS, 'IN', '=', '=~', 'ASC', 'DESC', '(', ')', ...PRIVILEGES, 'ON'];
/** What can be created, in InfluxDB's order. */
const CREATED = ['CONTINUOUS', 'DATABASE', 'USER', 'RETENTION', 'SUBSCRIPTION'];
/** May stand in many places and helps in few. */
const OPTIONAL = new Set([
  'operator',
  ',',
  '.',
  '::',
  '(',
  'AS',
  'ON',
  'parameter',
  'regex',
  '!=',
  '!~',
  'DISTINCT',
  'INTO',
  'tz',
  'EXACT',
  'ANALYZE',
  'INF',
  'OR',
  'RESAMPLE',
  'PRIVILEGES',
]);

/** `failures` are descriptions of tokens as grammar.ts gives them, `at` the offset at which they were looked for. */
export function syntaxError(text: string, failures: readonly string[], at: number): QueryError {
  const all = failures.map((failure) => failure.replace(/^"(.*)"$/, '$1'));
  const known = all.filter((name) => !name.endsWith('?'));
  const names = new Set(known.length > 0 ? known : all.map((name) => name.slice(0, -1)));
  if (CASTS.every((cast) => names.has(cast)) && !/\w/.test(text[at] ?? '')) return noCast(text, at);
  at = skipSpace(text, at);
  if (text.startsWith('/*', at)) {
    return parseError('found EOF, expected */' + describePosition(text, text.length), text.length);
  }
  if (text[at] === '/' && names.has('regex') && !AFTER_OPERATOR.test(text.slice(0, at))) {
    return parseError('bad regex: ' + describePosition(text, at - 1), at);
  }
  const expected = expectedTokens(names);
  if (at >= text.length) {
    const place = describePosition(text.trimEnd() + ' ', endOfText(text, names));
    return parseError(`found EOF, expected ${expected.join(', ')}${place}`, text.length);
  }
  const found = tokenAt(text, at);
  return parseError(`found ${found.text}, expected ${expected.join(', ')}${describePosition(text, found.at)}`, at);
}

// private functions

/** What follows `::` is a word, or a space or symbol that is taken for what it is. */
function noCast(text: string, at: number): QueryError {
  const found = at >= text.length ? 'EOF' : (/^\s+/.exec(text.slice(at))?.[0] ?? tokenAt(text, at).text);
  const expected = CASTS.filter((cast) => cast !== 'unsigned').join(', ');
  return parseError(`found ${found}, expected ${expected}${describePosition(text, at)}`, at);
}

function expectedTokens(names: ReadonlySet<string>): readonly string[] {
  if (names.has('SHOW')) return STATEMENTS;
  if (names.has('end of input')) return [';'];
  if (names.has('END')) return ['END'];
  if (names.size === 2 && names.has('identifier') && names.has('(')) return ['(', 'identifier'];
  if (names.has('USER') && !names.has('SERIES')) return CREATED;
  if (names.has(')') && names.has('GROUP')) return [')'];
  if (names.has('number')) return names.has('TRUE') ? OPERANDS : SIGNED_OPERANDS;
  if (names.has('regex') && !names.has('identifier')) return ['regex'];
  if (names.has('EXACT')) return names.has('WITH') ? ['WITH'] : ['EXACT', 'CARDINALITY'];
  let wanted = [...names].filter((name) => name !== ':' && !(name === 'ON' && names.has('ON!')));
  if (names.has('operator')) wanted = wanted.filter((name) => name !== '=~' && name !== '!~');
  if (names.has('WITH')) wanted = wanted.filter((name) => name !== 'FROM');
  const required = wanted.filter((name) => !OPTIONAL.has(name));
  return (required.length > 0 ? required : wanted).map((name) => name.replace(/!$/, '')).sort(compareExpected);
}

function compareExpected(a: string, b: string): number {
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

function rank(name: string): number {
  const index = ORDER.indexOf(name);
  if (name === 'DEFAULT') return ORDER.length + 1;
  return index < 0 ? ORDER.length : index;
}

/** InfluxDB cuts spaces off the end, and counts the end twice after a word, and where it has already looked for a regex. */
function endOfText(text: string, names: ReadonlySet<string>): number {
  const trimmed = text.trimEnd();
  const afterWord = /(?:^|[^A-Za-z0-9_µμ])[A-Za-z_][A-Za-z0-9_]*$/.test(trimmed);
  const inList = trimmed.endsWith('.') || (names.has('regex') && /,$|[A-Za-z0-9_"]\($/.test(trimmed));
  const afterMatch = names.has('regex') && /[=!]~$/.test(trimmed);
  return trimmed.length + (afterWord || inList || afterMatch ? 1 : 0);
}
