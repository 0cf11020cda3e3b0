/**
 * The lists of series that batches are of. An agent writes its series in the same order every time, so their keys are put together and
 * packed once (`KeptTexts`) and go out as they are. A list is kept from the second time it comes on: most of those that do not come
 * again cost nothing. Bounded; full, it forgets all. Series are numbers of `KnownSeries`, which must tell when it forgets them.
 */
import { type Compression, KEPT_TEXTS_BYTES_MIN, KeptTexts, TextDictionary } from '../../model/index.ts';
import type { KnownSeries } from './known-series.ts';

/** Of packed keys and numbers. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
/** Hashes of lists that came once. A power of two. */
const SEEN_SLOTS = 1024;

export class SeriesLists {
  readonly #compression: Compression;
  readonly #byHash = new Map<number, { readonly series: Uint32Array; readonly keys: KeptTexts }>();
  readonly #seen = new Int32Array(SEEN_SLOTS);
  #bytes = 0;

  constructor(compression: Compression) {
    this.#compression = compression;
  }

  /** The keys of the first `count` of these series, where they are kept or worth it; else undefined. */
  find(series: Uint32Array, count: number, known: KnownSeries): KeptTexts | undefined {
    const hash = hashOf(series, count);
    const found = this.#byHash.get(hash);
    if (found !== undefined && isSame(found.series, series, count)) return found.keys;
    const slot = hash & (SEEN_SLOTS - 1);
    const cameBefore = this.#seen[slot] === hash;
    this.#seen[slot] = hash;
    return cameBefore ? this.#keep(hash, series.slice(0, count), known) : undefined;
  }

  forget(): void {
    this.#byHash.clear();
    this.#seen.fill(0);
    this.#bytes = 0;
  }

  // private functions

  #keep(hash: number, series: Uint32Array, known: KnownSeries): KeptTexts | undefined {
    let textBytes = 0;
    for (const s of series) textBytes += known.keyTo[s] - known.keyFrom[s];
    if (textBytes < KEPT_TEXTS_BYTES_MIN) return undefined;
    const texts = TextDictionary.ofBytes(
      Array.from(series, (s) => known.bytes.subarray(known.keyFrom[s], known.keyTo[s])),
    );
    const keys = KeptTexts.pack(texts, this.#compression);
    const bytes = keys.packed.length + series.byteLength;
    if (this.#bytes + bytes > KEPT_BYTES_MAX) this.forget();
    this.#byHash.set(hash, { series, keys });
    this.#bytes += bytes;
    return keys;
  }
}

// private functions

/** Not 0. */
function hashOf(series: Uint32Array, count: number): number {
  let hash = count;
  for (let i = 0; i < count; i++) {
    hash = Math.imul(hash ^ series[i], 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash === 0 ? 1 : hash;
}

function isSame(kept: Uint32Array, series: Uint32Array, count: number): boolean {
  if (kept.length !== count) return false;
  for (let i = 0; i < count; i++) if (kept[i] !== series[i]) return false;
  return true;
}
