/** Entries of `KnownSeries` for tag sets that are new to it, and their numbers in a batch. Called by the decoder. */
import { seriesKey, shardOf } from '../../model/index.ts';
import type { BatchBuilder } from './batch-builder.ts';
import type { CanonicalSpelling } from './canonical-spelling.ts';
import type { KnownSeries } from './known-series.ts';
import type { MeasurementMemory } from './measurements.ts';
import { isPlainSpelling } from './plain-values.ts';

const encoder = new TextEncoder();

export interface Scopes {
  readonly scope: number;
  /** By measurement. */
  readonly scopes: ArrayLike<number>;
  readonly shards: number;
}

/** Of the spelling [from, to), which is unknown, which `canonical` has read, and whose measurement ends at `nameEnd`. */
export function addPlain(
  known: KnownSeries,
  m: MeasurementMemory,
  body: Uint8Array,
  from: number,
  nameEnd: number,
  to: number,
  hash: number,
  canonical: CanonicalSpelling,
  { scope, scopes, shards }: Scopes,
): number {
  const length = to - from;
  const spelling = canonical.isSorted ? body.subarray(from, to) : canonical.bytes(length);
  const key = spelling.subarray(Math.min(nameEnd + 1 - from, length));
  const shard = shardOf(m.seed, key, 0, key.length, shards);
  if (canonical.isSorted) return known.add(spelling, hash, m.id, shard, key);
  const mainHash = known.hash(canonical.view, 0, length, scope);
  let main = known.find(canonical.view, 0, length, mainHash, scope, scopes);
  if (main < 0) main = known.add(spelling, mainHash, m.id, shard, key);
  const id = known.add(body.subarray(from, to), hash, m.id, shard, key);
  known.main[id] = main;
  return id;
}

/** Of the spelling [from, to) of these tags, learned where it is new. */
export function entryOf(
  known: KnownSeries,
  m: MeasurementMemory,
  view: DataView,
  from: number,
  to: number,
  tags: [string, string][],
  { scope, scopes, shards }: Scopes,
): number {
  const hash = known.hash(view, from, to, scope);
  const found = known.find(view, from, to, hash, scope, scopes);
  if (found >= 0) return found;
  const text = seriesKey(tags);
  const key = encoder.encode(text);
  const shard = shardOf(m.seed, key, 0, key.length, shards);
  // The one spelling that stands for the series. Escaped ones get a leading zero byte, which no line's key has: what a backslash
  // means differs between a line and a canonical key.
  const plain = !text.includes('\\') && !/[, =\\]/.test(m.name);
  const spelling = encoder.encode((plain ? '' : '\0') + m.escapedName + (text === '' ? '' : `,${text}`));
  const mainView = new DataView(spelling.buffer, spelling.byteOffset, spelling.byteLength);
  const mainHash = known.hash(mainView, 0, spelling.length, scope);
  let main = known.find(mainView, 0, spelling.length, mainHash, scope, scopes);
  if (main < 0) main = known.add(spelling, mainHash, m.id, shard, key);
  const body = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (!isPlainSpelling(body, from, to)) return main;
  const again = known.find(view, from, to, hash, scope, scopes);
  if (again >= 0) return again;
  const id = known.add(body.subarray(from, to), hash, m.id, shard, key);
  known.main[id] = main;
  return id;
}

/** The number of a series in a batch, to whose members it is added where it is the first of its rows. */
export function localSeries(known: KnownSeries, batch: BatchBuilder, series: number): number {
  const { locals } = batch;
  if (locals === null && known.batch[series] === batch.number) return known.local[series];
  const before = locals?.get(series);
  if (before !== undefined) return before;
  const local = batch.addMember(series);
  if (locals !== null) locals.set(series, local);
  else {
    known.batch[series] = batch.number;
    known.local[series] = local;
  }
  return local;
}
