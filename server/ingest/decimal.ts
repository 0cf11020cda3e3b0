/**
 * Decimal digits to the nearest double, without making a string where that can be avoided. Two exact ways (Clinger's, and a
 * double-double division that knows when it cannot decide), then `Number`.
 */

/** 10^0 … 10^22 are exact doubles. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** 2^27 + 1: splits a double in two halves whose products are exact (Veltkamp). */
const SPLITTER = 134_217_729;
const MANTISSA_DIGITS_MAX = 15;
const DOUBLE_DOUBLE_DIGITS_MAX = 18;

/** digits × 10^exponent where `digits` has at most 15 of them and |exponent| ≤ 22: one rounding, hence exact; else NaN. */
export function scaleShort(digits: number, count: number, exponent: number): number {
  if (count > MANTISSA_DIGITS_MAX || exponent > 22 || exponent < -22) return Number.NaN;
  return exponent < 0 ? digits / POWERS[-exponent] : digits * POWERS[exponent];
}

/**
 * The number written in [from, to): digits with at most one point, no sign, no exponent, at least one digit. `count` is how many
 * digits there are from the first that is not 0, `fraction` how many stand behind the point.
 */
export function readLong(bytes: Uint8Array, from: number, to: number, count: number, fraction: number): number {
  if (count > 9 && count <= DOUBLE_DOUBLE_DIGITS_MAX && fraction <= 22) {
    const value = readDoubleDouble(bytes, from, to, count, fraction);
    if (!Number.isNaN(value)) return value;
  }
  return readText(bytes, from, to);
}

/** `Number` of ASCII bytes. */
export function readText(bytes: Uint8Array, from: number, to: number): number {
  return Number(asciiText(bytes, from, to));
}

export function asciiText(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

// private functions

/**
 * 10 to 18 digits w over 10^fraction. w = a + b with a = first nine digits × 10^k, exact since 30 + 21 bits of odd part fit. The
 * quotient is q1 + q2 to about 100 bits; where that lies too near the middle of two doubles the answer is NaN.
 */
function readDoubleDouble(bytes: Uint8Array, from: number, to: number, count: number, fraction: number): number {
  let a = 0;
  let b = 0;
  let seen = 0;
  for (let i = from; i < to; i++) {
    const d = bytes[i] - 48;
    if (d < 0 || (d === 0 && seen === 0)) continue;
    if (seen < 9) a = a * 10 + d;
    else b = b * 10 + d;
    seen++;
  }
  a *= POWERS[count - 9];
  const s = a + b;
  const t = b - (s - a);
  const divisor = POWERS[fraction];
  const q1 = s / divisor;
  const product = q1 * divisor;
  const qh = SPLITTER * q1 - (SPLITTER * q1 - q1);
  const ql = q1 - qh;
  const dh = SPLITTER * divisor - (SPLITTER * divisor - divisor);
  const dl = divisor - dh;
  const error = ql * dl - (product - qh * dh - ql * dh - qh * dl);
  const q2 = (s - product - error + t) / divisor;
  const value = q1 + q2;
  const rest = q2 - (value - q1);
  return value + rest * 1.000001 === value ? value : Number.NaN;
}
