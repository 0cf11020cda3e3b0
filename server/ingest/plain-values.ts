/** Values that the decoder's fast way reads straight from the bytes of a line: spelled as most clients spell them, or not at all. */
const COMMA = 44;
const SPACE = 32;
const NEWLINE = 10;
const RETURN = 13;
const BACKSLASH = 92;

/** Length of the boolean that starts with `c` at `p`; 0 = none known. */
export function booleanLength(body: Uint8Array, p: number, c: number): number {
  const next = body[p + 1];
  const isTrue = c === 116 || c === 84;
  if (!isTrue && c !== 102 && c !== 70) return 0;
  if (next === COMMA || next === SPACE || next === NEWLINE || next === RETURN) return 1;
  if (isTrue && next === 114 && body[p + 2] === 117 && body[p + 3] === 101) return 4;
  if (!isTrue && next === 97 && body[p + 2] === 108 && body[p + 3] === 115 && body[p + 4] === 101) return 5;
  return 0;
}

/** Up to 15 decimal digits. */
export function readDigits(body: Uint8Array, from: number, to: number): number {
  let v = 0;
  for (let i = from; i < to; i++) v = v * 10 + body[i] - 48;
  return v;
}

/** Can the fast way know this spelling? Not where it and the rule for the end of a line could disagree about an escape. */
export function isPlainSpelling(body: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (body[i] === NEWLINE || (body[i] === BACKSLASH && body[i + 1] === BACKSLASH)) return false;
  }
  return true;
}
