/**
 * One line of line protocol, read by the book: InfluxDB 1.8's rules and error texts, character by character. The decoder's fast way
 * reads only what it has seen before and hands everything else here: first sights, odd spellings, and whatever is wrong.
 *
 * Kept as InfluxDB has them: in measurement and tags a character counts as escaped when the byte before it is a backslash; in
 * fields a backslash takes the next byte with it; a newline inside a quoted field value does not end the line, so a quote that is
 * never closed takes all that follows with it. A tag value may begin with an equals sign.
 *
 * The file is a little long because the rules are one grammar, and are compared with InfluxDB's as one.
 *
 * Otherwise than InfluxDB 1.6/1.8, on purpose: a carriage return before the newline is dropped; `1u` is read; a string value must
 * end with its quote (`"a"x` is refused, not read as `a"`); bytes that are not UTF-8 are refused.
 */
import { INT64_MAX, INT64_MIN, NS_PER, type Precision, TIME_MAX, TIME_MIN, UINT64_MAX } from '../../model/index.ts';
import { KIND } from './batch-builder.ts';
import { asciiText } from './decimal.ts';
import type { IngestLimits } from './limits.ts';

/** A point in pieces; byte positions are in the body. */
export interface ScannedPoint {
  readonly measurement: string;
  /** As written, without duplicates, in the order written. */
  readonly tags: [string, string][];
  /** Where measurement and tags end. */
  readonly keyTo: number;
  readonly fields: ScannedField[];
  /** ns; null = none written. */
  readonly time: bigint | null;
}

export interface ScannedField {
  readonly name: string;
  /** The name as written. */
  readonly rawFrom: number;
  readonly rawTo: number;
  readonly kind: number;
  /** Number or boolean; of a string nothing. */
  readonly value: number;
  /** Integers that a double cannot hold. */
  readonly wide: bigint | null;
  /** Bytes of a string without its quotes, still escaped. */
  readonly from: number;
  readonly to: number;
}

const COMMA = 44;
const SPACE = 32;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;

/** More digits than any 64-bit number, leading zeros apart. */
const DIGITS_MAX = 20;

const decoder = new TextDecoder();

/** Where the line that starts at `i` ends: at its newline or at the end of the body. */
export function scanLine(body: Uint8Array, i: number): number {
  let quoted = false;
  let fields = false;
  let equals = 0;
  let commas = 0;
  for (const end = body.length; i < end; i++) {
    const c = body[i];
    if (c === BACKSLASH && i + 2 < end) {
      i++;
      continue;
    }
    if (c === SPACE) fields = true;
    if (fields) {
      if (!quoted && c === EQUALS) equals++;
      else if (!quoted && c === COMMA) commas++;
      else if (c === QUOTE && equals > commas) quoted = !quoted;
    }
    if (c === NEWLINE && !quoted) break;
  }
  return Math.min(i, body.length);
}

/** First byte at or behind `i` that is no blank as InfluxDB sees it. */
export function skipBlanks(body: Uint8Array, i: number, end: number): number {
  while (i < end && (body[i] === SPACE || body[i] === 9 || body[i] === 0)) i++;
  return i;
}

/** The point in [from, end), or what is wrong with it. */
export function scanPoint(
  body: Uint8Array,
  from: number,
  end: number,
  precision: Precision,
  limits: IngestLimits,
): ScannedPoint | string {
  const key = scanKey(body, from, end, limits);
  if (typeof key === 'string') return key;
  const fieldsFrom = skipBlanks(body, key.to, end);
  const fieldsTo = checkFields(body, fieldsFrom, end);
  if (typeof fieldsTo === 'string') return fieldsTo;
  const fields = splitFields(body, fieldsFrom, fieldsTo);
  if (typeof fields === 'string') return fields;
  if (fields.length > limits.fieldsPerPointMax)
    return `too many fields: ${fields.length} > ${limits.fieldsPerPointMax}`;
  for (const field of fields) {
    const size = key.to - from + 4 + field.rawTo - field.rawFrom;
    if (size > limits.keyBytesMax) return `max key length exceeded: ${size} > ${limits.keyBytesMax}`;
  }
  const time = scanTime(body, fieldsTo, end, precision);
  if (typeof time === 'string') return time;
  return { measurement: key.measurement, tags: key.tags, keyTo: key.to, fields, time };
}

/** The end of a string's bytes after `\"` and `\\` have been taken for `"` and `\`, written into `target` from 0. */
export function unescapeString(body: Uint8Array, from: number, to: number, target: Uint8Array): number {
  let o = 0;
  for (let i = from; i < to; i++) {
    if (body[i] === BACKSLASH && i + 1 < to && (body[i + 1] === QUOTE || body[i + 1] === BACKSLASH)) i++;
    target[o++] = body[i];
  }
  return o;
}

// private functions

type Key = { measurement: string; tags: [string, string][]; to: number };

function scanKey(body: Uint8Array, from: number, end: number, limits: IngestLimits): Key | string {
  if (from >= end || body[from] === COMMA) return 'missing measurement';
  let i = from + 1;
  while (i < end && (body[i - 1] === BACKSLASH || (body[i] !== COMMA && body[i] !== SPACE))) i++;
  if (i >= end) return 'missing fields';
  const measurement = unescapeName(body, from, i, /\\([, =])/g);
  const tags: [string, string][] = [];
  const names = new Set<string>();
  while (body[i] === COMMA) {
    const nameFrom = ++i;
    if (i >= end || body[i] === SPACE || body[i] === COMMA || body[i] === EQUALS) return 'missing tag key';
    for (i++; ; i++) {
      if (i >= end || ((body[i] === SPACE || body[i] === COMMA) && body[i - 1] !== BACKSLASH))
        return 'missing tag value';
      if (body[i] === EQUALS && body[i - 1] !== BACKSLASH) break;
    }
    const name = unescapeName(body, nameFrom, i, /\\([, =])/g);
    const valueFrom = ++i;
    if (i >= end || body[i] === COMMA || body[i] === SPACE) return 'missing tag value';
    for (i++; ; i++) {
      if (i >= end) return 'missing fields';
      if (body[i - 1] === BACKSLASH) continue;
      if (body[i] === EQUALS) return 'invalid tag format';
      if (body[i] === COMMA || body[i] === SPACE) break;
    }
    if (names.has(name)) return 'duplicate tags';
    names.add(name);
    tags.push([name, unescapeName(body, valueFrom, i, /\\([, =])/g)]);
    if (tags.length > limits.tagsPerPointMax) return `too many tags: more than ${limits.tagsPerPointMax}`;
  }
  if (i - from > limits.keyBytesMax) return `max key length exceeded: ${i - from} > ${limits.keyBytesMax}`;
  return { measurement, tags, to: i };
}

/** Where the fields end, having checked that they are well formed. */
function checkFields(body: Uint8Array, from: number, end: number): number | string {
  let quoted = false;
  let equals = 0;
  let commas = 0;
  let i = from;
  while (i < end) {
    const c = body[i];
    if (c === BACKSLASH && i + 1 < end) {
      i += 2;
      continue;
    }
    if (c === QUOTE && equals > commas) {
      quoted = !quoted;
      i++;
      continue;
    }
    if (c === EQUALS && !quoted) {
      equals++;
      if ((body[i - 1] === SPACE || body[i - 1] === COMMA) && body[i - 2] !== BACKSLASH) return 'missing field key';
      const next = i + 1 < end ? body[i + 1] : COMMA;
      if (next === COMMA || next === SPACE) return 'missing field value';
      const numeric = isNumeric(next) || next === 45 || next === 78 || next === 110;
      if (numeric || next !== QUOTE) {
        const to = valueEnd(body, i + 1, end);
        const problem = numeric ? checkNumber(asciiText(body, i + 1, to)) : checkBoolean(asciiText(body, i + 1, to));
        if (problem !== '') return problem;
        i = to;
        continue;
      }
    }
    if (c === COMMA && !quoted) commas++;
    if (c === SPACE && !quoted) break;
    i++;
  }
  if (quoted) return 'unbalanced quotes';
  if (from >= end || equals === 0 || commas !== equals - 1) return 'invalid field format';
  return i;
}

function isNumeric(c: number): boolean {
  return (c >= 48 && c <= 57) || c === 46;
}

function valueEnd(body: Uint8Array, i: number, end: number): number {
  while (i < end && body[i] !== COMMA && body[i] !== SPACE) i++;
  return i;
}

function checkNumber(text: string): string {
  if (/^-?\d+i$/.test(text)) {
    const value = wholeNumber(text.slice(0, -1));
    if (value >= INT64_MIN && value <= INT64_MAX) return '';
    return `unable to parse integer ${text.slice(0, -1)}: ${outOfRange('ParseInt', text.slice(0, -1))}`;
  }
  if (/^\d+u$/.test(text)) {
    if (wholeNumber(text.slice(0, -1)) <= UINT64_MAX) return '';
    return `unable to parse unsigned ${text.slice(0, -1)}: ${outOfRange('ParseUint', text.slice(0, -1))}`;
  }
  if (/^-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number.isFinite(Number(text)) ? '' : 'invalid float';
  return /^-?(\d|\.(?!e))*[eE][\d.eE+-]*$/.test(text) && !/\..*\./.test(text) ? 'invalid float' : 'invalid number';
}

/** Anything above 64 bits is as good as any other: it keeps a megabyte of digits from being computed. */
function wholeNumber(text: string): bigint {
  const digits = text.replace(/^-?0*/, '');
  if (digits.length > DIGITS_MAX) return UINT64_MAX + 1n;
  const value = BigInt(digits || '0');
  return text.startsWith('-') ? -value : value;
}

function outOfRange(what: string, text: string): string {
  return `strconv.${what}: parsing "${text}": value out of range`;
}

function checkBoolean(text: string): string {
  return /^([tTfF]|true|True|TRUE|false|False|FALSE)$/.test(text) ? '' : 'invalid boolean';
}

function splitFields(body: Uint8Array, from: number, end: number): ScannedField[] | string {
  const fields: ScannedField[] = [];
  let i = from;
  while (i < end) {
    const rawFrom = i;
    while (i < end && body[i] !== EQUALS) i += body[i] === BACKSLASH ? 2 : 1;
    if (i >= end) return 'invalid field format';
    const rawTo = i++;
    const name = unescapeName(body, rawFrom, rawTo, /\\([, "=])/g);
    const at = { name, rawFrom, rawTo };
    if (body[i] === QUOTE) {
      const stringFrom = i + 1;
      i = stringEnd(body, i, end);
      if (i - stringFrom < 1 || body[i - 1] !== QUOTE) return 'invalid field format';
      fields.push({ ...at, kind: KIND.STRING, value: 0, wide: null, from: stringFrom, to: i - 1 });
    } else {
      const to = valueEnd(body, i, end);
      fields.push({ ...at, ...readValue(asciiText(body, i, to)), from: 0, to: 0 });
      i = to;
    }
    i++;
  }
  return fields;
}

function stringEnd(body: Uint8Array, i: number, end: number): number {
  let quoted = false;
  for (; i < end; i++) {
    const c = body[i];
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) quoted = !quoted;
    else if (c === COMMA && !quoted) break;
  }
  return Math.min(i, end);
}

function readValue(text: string): { kind: number; value: number; wide: bigint | null } {
  const first = text[0];
  if (/[tTfF]/.test(first)) return { kind: KIND.BOOLEAN, value: /[tT]/.test(first) ? 1 : 0, wide: null };
  const last = text[text.length - 1];
  if (last !== 'i' && last !== 'u') return { kind: KIND.FLOAT, value: Number(text), wide: null };
  const exact = wholeNumber(text.slice(0, -1));
  const value = Number(exact);
  const kind = last === 'i' ? KIND.INTEGER : KIND.UNSIGNED;
  return { kind, value: value + 0, wide: Number.isSafeInteger(value) ? null : exact };
}

function scanTime(body: Uint8Array, i: number, end: number, precision: Precision): bigint | null | string {
  i = skipBlanks(body, i, end);
  const from = i;
  if (body[i] === 45 && i < end) i++;
  for (; i < end && body[i] !== SPACE; i++) if (body[i] < 48 || body[i] > 57) return 'bad timestamp';
  if (i === from) return null;
  const text = asciiText(body, from, i);
  if (text === '-') return 'strconv.ParseInt: parsing "-": invalid syntax';
  const units = wholeNumber(text);
  if (units > INT64_MAX || units < INT64_MIN) return outOfRange('ParseInt', text);
  const time = units * NS_PER[precision];
  if (time < TIME_MIN || time > TIME_MAX) return `time outside range ${TIME_MIN} - ${TIME_MAX}`;
  for (; i < end; i++) if (body[i] !== SPACE) return 'point is invalid';
  return time;
}

function unescapeName(body: Uint8Array, from: number, to: number, escapes: RegExp): string {
  const text = decoder.decode(body.subarray(from, to));
  return text.includes('\\') ? text.replace(escapes, '$1') : text;
}
