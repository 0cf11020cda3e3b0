/** Tag sets that are spelled as canonical keys are (`model/series-key.ts`): most clients sort tags and escape nothing. Pure. */
const COMMA = 44;
const SPACE = 32;
const EQUALS = 61;
const HASH = 35;
const BACKSLASH = 92;
/** Longer ones are read by the book, which knows the limits. */
const SPELLING_BYTES_MAX = 4_096;

/** Where the measurement in [from, to) ends; −1 where it is not certain that what follows its comma is the canonical key, to the byte. */
export function canonicalMeasurementEnd(body: Uint8Array, from: number, to: number): number {
  if (to - from > SPELLING_BYTES_MAX || body[from] === HASH) return -1;
  let at = from;
  for (; at < to && body[at] !== COMMA; at++) if (isOdd(body[at]) || body[at] === EQUALS) return -1;
  if (at === from) return -1;
  const end = at;
  let before = -1;
  while (at < to) {
    const name = ++at;
    for (; body[at] !== EQUALS; at++) if (at >= to || isOdd(body[at]) || body[at] === COMMA) return -1;
    if (at === name || isTime(body, name, at)) return -1;
    if (before >= 0 && !isAscending(body, before, name)) return -1;
    before = name;
    const value = ++at;
    for (; at < to && body[at] !== COMMA; at++) if (isOdd(body[at]) || body[at] === EQUALS) return -1;
    if (at === value) return -1;
  }
  return end;
}

// private functions

function isOdd(byte: number): boolean {
  return byte <= SPACE || byte === BACKSLASH;
}

function isTime(body: Uint8Array, from: number, to: number): boolean {
  return (
    to - from === 4 && body[from] === 116 && body[from + 1] === 105 && body[from + 2] === 109 && body[from + 3] === 101
  );
}

/** Of two names that end with an equals sign, which no name contains. */
function isAscending(body: Uint8Array, a: number, b: number): boolean {
  for (; ; a++, b++) {
    const x = body[a];
    const y = body[b];
    if (x === y && x !== EQUALS) continue;
    if (x === EQUALS) return y !== EQUALS;
    return y !== EQUALS && x < y;
  }
}
