/**
 * What errors need to know of the text without parsing it: which token stands at an offset, where that is in lines and characters,
 * and how deep the parentheses go. Positions follow InfluxDB's scanner, its oddities included, since tools show them.
 * Never throws.
 */
import { KEYWORDS } from './grammar.ts';

/** A token as errors quote it, and the offset they name (InfluxDB names the character before a string). */
export interface FoundToken {
  readonly text: string;
  readonly at: number;
}

const RESERVED: ReadonlySet<string> = new Set(KEYWORDS);
const SPACE = /(?:[ \t\r\n]|--[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /\d+[A-Za-zµμ][A-Za-z0-9µμ]*|\d+\.?\d*|\.\d+/y;
const SYMBOL = /<=|>=|!=|<>|=~|!~|::/y;
const REGEX = /\/(?:\\[^\n]|[^/\\\n])*\//y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '\\': '\\', '"': '"', "'": "'" };

export function skipSpace(text: string, at: number): number {
  return at + matchAt(SPACE, text, at).length;
}

export function tokenAt(text: string, at: number): FoundToken {
  if (at >= text.length) return { text: 'EOF', at };
  const first = text[at]!;
  if (first === "'" || first === '"') return stringAt(text, at, first);
  const name = matchAt(WORD, text, first === '$' ? at + 1 : at);
  if (first === '$') return { text: '$' + name, at };
  // a name, for InfluxDB
  if (name !== '' && text[at + name.length] === '"') {
    const quoted = stringAt(text, at + name.length, '"');
    return { ...quoted, at: quoted.at === at + name.length ? at : quoted.at };
  }
  if (name !== '') return { text: RESERVED.has(name.toLowerCase()) ? name.toUpperCase() : name, at };
  const token = matchAt(NUMBER, text, at) || matchAt(SYMBOL, text, at);
  return { text: token === '<>' ? '!=' : token || String.fromCodePoint(text.codePointAt(at)!), at };
}

/** The last token of a text that parses. */
export function lastToken(text: string): FoundToken {
  const whole = text.trimEnd();
  return tokenAt(whole, /(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z0-9_.]+|.)$/s.exec(whole)?.index ?? 0);
}

/** ` at line L, char C`, both from 1, characters in code points. */
export function describePosition(text: string, at: number): string {
  const before = text.slice(0, Math.max(0, at));
  const lineStart = before.lastIndexOf('\n') + 1;
  return ` at line ${before.split('\n').length}, char ${[...before.slice(lineStart)].length + 1}`;
}

/**
 * Calls `visit` for each token until it answers false: with its offset, its length, and whether it opens or closes a parenthesis (1, −1,
 * 0). Parentheses in strings, comments and regexes do not count. Ends where a comment or a regex never does: the grammar will not come
 * past it either. Linear in the text.
 */
export function eachToken(text: string, visit: (at: number, length: number, opens: number) => boolean): void {
  let afterOperand = false;
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    const first = text[at]!;
    const mayBeRegex: boolean = first === '/' && !afterOperand;
    const regex: string = mayBeRegex ? matchAt(REGEX, text, at) : '';
    if (text.startsWith('/*', at) || (mayBeRegex && regex === '')) return;
    const name = matchAt(WORD, text, at);
    let length: number = name.length || matchAt(NUMBER, text, at).length || regex.length || 1;
    if (first === "'" || first === '"') length = stringLength(text, at, first);
    if (first === '$')
      length += text[at + 1] === '"' ? stringLength(text, at + 1, '"') : matchAt(WORD, text, at + 1).length;
    if (!visit(at, length, first === '(' ? 1 : first === ')' ? -1 : 0)) return;
    const isOperand: boolean =
      name === '' ? length > 1 || /[0-9)]/.test(first) || (first === '*' && !afterOperand) : !isOperator(name);
    afterOperand = isOperand;
    at += length;
  }
}

/** Where the text first opens more than `depthMax` parentheses within each other, or has more than `tokensMax` tokens; else null. */
export function findExcess(
  text: string,
  depthMax: number,
  tokensMax: number,
): { readonly of: 'depth' | 'tokens'; readonly at: number } | null {
  let depth = 0;
  let tokens = 0;
  let excess: ReturnType<typeof findExcess> = null;
  eachToken(text, (at, _length, opens) => {
    depth += opens;
    if (opens > 0 && depth > depthMax) excess = { of: 'depth', at };
    else if (++tokens > tokensMax) excess = { of: 'tokens', at };
    return excess === null;
  });
  return excess;
}

// private functions

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** Whether a word is followed by an operand rather than being one. */
function isOperator(word: string): boolean {
  const lower = word.toLowerCase();
  return RESERVED.has(lower) && lower !== 'true' && lower !== 'false';
}

function stringAt(text: string, start: number, quote: string): FoundToken {
  let content = '';
  // a name in quotes stands where it begins; a string, and whatever is not closed, one character before
  const before = Math.max(0, start - 1);
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === quote) {
      return quote === '"' ? { text: content || 'IDENT', at: start } : { text: content || 'STRING', at: before };
    }
    if (text[at] !== '\\') {
      content += text[at];
      continue;
    }
    const escaped = ESCAPES[text[++at] ?? ''];
    if (escaped === undefined) return { text: '\\' + (text[at] ?? ''), at };
    content += escaped;
  }
  return { text: content || 'BADSTRING', at: before };
}

function stringLength(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) return at + 1 - start;
    if (text[at] === '\\') at++;
  }
  return text.length - start;
}
