/**
 * A text without its literals: `SELECT v FROM m WHERE t = 'a' LIMIT 5` and `… = 'b' LIMIT 7` have one shape. One pass over the
 * characters, no tree. Called by shapes.ts.
 *
 * Literals of one kind have to be exchangeable wherever they stand: texts that look like dates are a kind of their own, since the
 * parser takes notice, and whatever could be refused for its value (an integer beyond int64, a string with escapes) ends the attempt.
 * So does everything of which this scanner could not say by itself where it ends: comments, parameters, `/` anywhere but behind `=~`.
 */

export type LiteralKind = 'string' | 'date' | 'integer' | 'number' | 'duration';

export interface Shape {
  /** The text with a mark in the place of each literal. */
  readonly skeleton: string;
  readonly kinds: readonly LiteralKind[];
  /** As written, strings without their quotes. */
  readonly texts: readonly string[];
}

/** Stands for a literal, before the letter of its kind; no text that is taken has this character. */
const MARK = '\u0001';
const LETTERS: Readonly<Record<LiteralKind, string>> = {
  string: 's',
  date: 't',
  integer: 'i',
  number: 'n',
  duration: 'd',
};
const INT64_MAX = '9223372036854775807';
/** Digits up to which a duration of a unit is within int64. */
const DIGITS_MAX: Readonly<Record<string, number>> = { ns: 18, u: 15, ms: 12, s: 9, m: 8, h: 6, d: 5, w: 4 };
const DATE = /^\d{4}-\d{2}-\d{2}/;

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const SLASH = 0x2f;
const MINUS = 0x2d;
const TILDE = 0x7e;
const DOLLAR = 0x24;
const NEWLINE = 0x0a;

/** The pieces of a skeleton between its literals. */
export function piecesOf(skeleton: string): string[] {
  return skeleton.split(MARK).map((piece, i) => (i === 0 ? piece : piece.slice(1)));
}

/** null where the text has to be parsed as it is. */
export function shapeOf(text: string): Shape | null {
  const kinds: LiteralKind[] = [];
  const texts: string[] = [];
  let skeleton = '';
  let taken = 0;
  const take = (from: number, to: number, kind: LiteralKind, literal: string): void => {
    skeleton += text.slice(taken, from) + MARK + LETTERS[kind];
    taken = to;
    kinds.push(kind);
    texts.push(literal);
  };
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (isWordStart(code)) {
      at = wordEnd(text, at);
    } else if (code === QUOTE || code === DOUBLE_QUOTE) {
      const end = quotedEnd(text, at, code);
      if (end < 0) return null;
      if (code === QUOTE) {
        const literal = text.slice(at + 1, end - 1);
        take(at, end, DATE.test(literal) ? 'date' : 'string', literal);
      }
      at = end;
    } else if (isDigit(code)) {
      let end = digitsEnd(text, at);
      let kind: LiteralKind = 'integer';
      if (text.charCodeAt(end) === DOT) {
        kind = 'number';
        end = digitsEnd(text, end + 1);
      } else if (isWordStart(text.charCodeAt(end))) {
        const digits = end - at;
        const unit = end;
        kind = 'duration';
        end = wordEnd(text, end);
        if (!(digits <= (DIGITS_MAX[text.slice(unit, end)] ?? -1))) return null;
      }
      const next = text.charCodeAt(end);
      if (isWordStart(next) || isDigit(next) || next === DOT || next > 0x7e) return null;
      const literal = text.slice(at, end);
      if (kind === 'integer' && !isInt64(literal)) return null;
      take(at, end, kind, literal);
      at = end;
    } else if (code === SLASH) {
      const end = text.charCodeAt(at - 1) === TILDE || afterMatch(text, at) ? quotedEnd(text, at, SLASH) : -1;
      if (end < 0) return null;
      at = end;
    } else if (isForeign(code) || (code === MINUS && text.charCodeAt(at + 1) === MINUS)) {
      return null;
    } else {
      at++;
    }
  }
  return { skeleton: skeleton + text.slice(taken), kinds, texts };
}

// private functions

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isWordStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

function wordEnd(text: string, at: number): number {
  let code = text.charCodeAt(at);
  while (isWordStart(code) || isDigit(code)) code = text.charCodeAt(++at);
  return at;
}

function digitsEnd(text: string, at: number): number {
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

/** Behind the closing quote; −1 where there is none in the line, or an escape comes first. */
function quotedEnd(text: string, at: number, quote: number): number {
  for (let end = at + 1; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === quote) return end + 1;
    if (code < 0x20 || (code === BACKSLASH && quote !== SLASH)) return -1;
    if (code === BACKSLASH) end++;
  }
  return -1;
}

function afterMatch(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === 0x20) before--;
  return text.charCodeAt(before) === TILDE;
}

/** Control characters, parameters and whatever is not ASCII. */
function isForeign(code: number): boolean {
  return code === DOLLAR || code > 0x7e || (code < 0x20 && code !== NEWLINE && code !== 0x09 && code !== 0x0d);
}

function isInt64(digits: string): boolean {
  return digits.length < INT64_MAX.length || (digits.length === INT64_MAX.length && digits <= INT64_MAX);
}
