/**
 * fingerprint(text): what texts of one kind have in common, so that a million messages become some dozens. Whatever varies from one
 * to the next is replaced by what it is:
 *
 *     <uuid>   123e4567-e89b-12d3-a456-426614174000
 *     <hex>    0x7ffe12, and words of 8 or more hex digits, some of them 0 to 9: 9f86d081
 *     <id>     words of 8 or more letters and digits, with digits in several places: Xk3j9PqR
 *     <n>      numbers, with what joins their digits (1.5, 10.0.0.1:8086, 2024-01-31, -3), also inside of words: worker<n>
 *     <text>   what stands in '…', "…" or `…`
 *
 * White space becomes one space. A path keeps its words and so loses its variable parts: /jobs/<n>/<uuid>.log. One pass over the
 * characters, no regex; a text is read up to CHARACTERS_MAX.
 */

/** Of a text: what comes behind says seldom what kind of text it is. */
const CHARACTERS_MAX = 2_048;
/** Of a word that is taken for a key rather than a name. */
const KEY_CHARACTERS_MIN = 8;
/** Lengths of a UUID's parts. */
const UUID_PARTS = [8, 4, 4, 4, 12];
const UUID_CHARACTERS = 36;

export function fingerprint(text: string): string {
  const end = endOf(text);
  let print = '';
  let at = 0;
  const unclosed = new Set<string>();
  while (at < end) {
    const c = text[at];
    if (isSpace(c)) {
      if (print !== '' && !print.endsWith(' ')) print += ' ';
      at++;
    } else if (isQuote(c) && !isWord(text[at - 1] ?? ' ') && !unclosed.has(c)) {
      const closed = closingQuote(text, at, end);
      if (closed < 0) unclosed.add(c);
      print += closed < 0 ? c : '<text>';
      at = closed < 0 ? at + 1 : closed + 1;
    } else if (isWord(c)) {
      const word = wordAt(text, at, end);
      print += word.print;
      at = word.end;
    } else {
      if (!isSign(c) || !isDigit(text[at + 1] ?? '') || !' (=[{,:'.includes(print.at(-1) ?? ' ')) print += c;
      at++;
    }
  }
  return print.trimEnd() + (end < text.length ? '…' : '');
}

// private functions

/** Not between the halves of a character beyond 16 bits. */
function endOf(text: string): number {
  if (text.length <= CHARACTERS_MAX) return text.length;
  const last = text.charCodeAt(CHARACTERS_MAX - 1);
  return last >= 0xd800 && last < 0xdc00 ? CHARACTERS_MAX - 1 : CHARACTERS_MAX;
}

/** A quote that a word follows is an apostrophe. −1 = there is none. */
function closingQuote(text: string, open: number, end: number): number {
  for (let at = open + 1; at < end; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[open] && !isWord(text[at + 1] ?? ' ')) return at;
  }
  return -1;
}

function wordAt(text: string, start: number, end: number): { print: string; end: number } {
  if (isUuid(text, start)) return { print: '<uuid>', end: start + UUID_CHARACTERS };
  let at = start;
  let digits = 0;
  let digitRuns = 0;
  let hexDigits = 0;
  let isPlain = true;
  for (; at < end && isWord(text[at]); at++) {
    const c = text[at];
    if (isDigit(c)) {
      digits++;
      if (at === start || !isDigit(text[at - 1])) digitRuns++;
    }
    if (isHex(c)) hexDigits++;
    if (c === '_' || c > '\x7f') isPlain = false;
  }
  const length = at - start;
  if (digits === 0) return { print: text.slice(start, at), end: at };
  const isPrefixed = text[start] === '0' && (text[start + 1] === 'x' || text[start + 1] === 'X');
  if (isPrefixed && length > 2 && hexDigits === length - 1) return { print: '<hex>', end: at };
  if (digits < length && length >= KEY_CHARACTERS_MIN && hexDigits === length) return { print: '<hex>', end: at };
  if (isPlain && digitRuns > 1 && length >= KEY_CHARACTERS_MIN) return { print: '<id>', end: at };
  let print = '';
  for (let k = start; k < at; k++) {
    if (!isDigit(text[k])) print += text[k];
    else if (k === start || !isDigit(text[k - 1])) print += '<n>';
  }
  return { print, end: isDigit(text[at - 1]) ? numberEnd(text, at, end) : at };
}

/** Behind digits: further ones that a point, comma, colon or dash joins to them. */
function numberEnd(text: string, at: number, end: number): number {
  while (at + 1 < end && '.,:-'.includes(text[at]) && isDigit(text[at + 1]) && !isUuid(text, at + 1)) {
    at++;
    while (at < end && isDigit(text[at])) at++;
  }
  return at;
}

function isUuid(text: string, start: number): boolean {
  let at = start;
  for (const [part, length] of UUID_PARTS.entries()) {
    if (part > 0 && text[at++] !== '-') return false;
    for (const last = at + length; at < last; at++) if (!isHex(text[at] ?? '')) return false;
  }
  return !isWord(text[at] ?? ' ');
}

function isSpace(c: string): boolean {
  return c <= ' ' || c === '\u00a0';
}

function isQuote(c: string): boolean {
  return c === "'" || c === '"' || c === '`';
}

function isSign(c: string): boolean {
  return c === '-' || c === '+';
}

function isDigit(c: string): boolean {
  return c >= '0' && c <= '9';
}

function isHex(c: string): boolean {
  return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/** Letters of any script, digits and `_`. */
function isWord(c: string): boolean {
  return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c === '_' || c > '\u00a0';
}
