/**
 * A series inside a measurement is its tag set. Its key is canonical text: `key=value,key=value`, keys sorted by their bytes,
 * commas, spaces, equals signs and backslashes escaped by a backslash as in line protocol; empty for no tags. The hash of
 * (database, measurement, key) decides the shard: shards are ranges of it.
 */

export type Tags = readonly (readonly [key: string, value: string])[];

const encoder = new TextEncoder();

/** Canonical key text of a tag set in any order. Tags with an empty value are left out: to InfluxDB they do not exist. */
export function seriesKey(tags: Tags): string {
  return [...tags]
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => compareText(a, b))
    .map(([k, v]) => `${escapeTag(k)}=${escapeTag(v)}`)
    .join(',');
}

/** The tags of a canonical key, sorted by key. Inverse of `seriesKey`. */
export function parseSeriesKey(key: string): [string, string][] {
  const tags: [string, string][] = [];
  if (key === '') return tags;
  if (!key.includes('\\')) {
    for (const pair of key.split(',')) {
      const eq = pair.indexOf('=');
      tags.push([pair.slice(0, eq), pair.slice(eq + 1)]);
    }
    return tags;
  }
  let name = '';
  let part = '';
  for (let i = 0; i <= key.length; i++) {
    const c = key[i];
    if (c === '\\') part += key[++i];
    else if (c === '=') {
      name = part;
      part = '';
    } else if (c === ',' || c === undefined) {
      tags.push([name, part]);
      part = '';
    } else part += c;
  }
  return tags;
}

/** Order of UTF-8 bytes, which for strings without lone surrogates is the order of code points. */
export function compareText(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** 32-bit hash of bytes (MurmurHash3 x86_32, Appleby), over [from, to), continued from `seed`. */
export function hashBytes(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let h = seed | 0;
  const end4 = from + ((to - from) & ~3);
  let i = from;
  for (; i < end4; i += 4) {
    let k = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let k = 0;
  for (let j = to - 1; j >= i; j--) k = (k << 8) | bytes[j];
  if (i < to) {
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
  }
  h ^= to - from;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Seed for `shardOf`: one per (database, measurement), so that a decoder computes it once per measurement. */
export function shardSeed(database: string, measurement: string): number {
  const bytes = encoder.encode(`${database}\0${measurement}`);
  return hashBytes(bytes, 0, bytes.length, 0);
}

/** The shard of a series: the canonical key's bytes hashed from its measurement's seed, mapped on `shards` equal ranges. */
export function shardOf(seed: number, key: Uint8Array, from: number, to: number, shards: number): number {
  return Math.floor((hashBytes(key, from, to, seed) / 2 ** 32) * shards);
}

// private functions

function escapeTag(text: string): string {
  return /[,= \\]/.test(text) ? text.replace(/[,= \\]/g, '\\$&') : text;
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xe000;
}
