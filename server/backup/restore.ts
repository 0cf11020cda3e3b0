/**
 * A bucket of an archive as ordinary batches for a database: rows are read chunk by chunk, given to the shards to which their series
 * belong here, and published like any write. So it works beside writes, with any number of shards and any broker, and doing it twice
 * changes nothing. Every block's checksum is verified before its rows go anywhere.
 */
import type { BackupChoice, BackupRows } from '../../client/protocol/index.ts';
import {
  type Batch,
  type Block,
  batchBytes,
  INT64_MAX,
  INT64_MIN,
  selectRows,
  shardOf,
  shardSeed,
  type TextDictionary,
} from '../../model/index.ts';
import { QueryError } from '../../query/index.ts';
import { BlockCache, type BucketCodec, BucketReader, bytesAsSource, StorageError } from '../../storage/index.ts';
import type { FieldVerdict, NewField } from '../ingest/index.ts';

/** Of a shard's batches, published together. */
const PUBLISH_BYTES = 2 * 1024 * 1024;

export interface RestoreTarget {
  readonly database: string;
  readonly shards: number;
  /** For errors: what the bytes are called. */
  readonly name: string;
  /** Of its rows, those that count. */
  readonly choice: BackupChoice;
  readonly codec: BucketCodec;
  declare(database: string, retentionPolicy: string, fields: readonly NewField[]): Promise<FieldVerdict>;
  /** Resolves when they are kept and can be read. */
  publish(shard: number, batches: readonly Batch[]): Promise<void>;
  readonly pause: () => Promise<void>;
}

/** How many rows. Rejects with QueryError where the bytes are no sound bucket, or a field has another type here. */
export async function restoreBucket(bytes: Uint8Array, target: RestoreTarget): Promise<number> {
  try {
    const cache = new BlockCache();
    const source = bytesAsSource(target.name, bytes);
    const reader = BucketReader.open(source, target.codec, cache, cache.register());
    await declareFields(reader, target);
    return await publishRows(reader, target);
  } catch (error) {
    if (error instanceof StorageError && error.code === 'corrupt') throw new QueryError('invalid', error.message);
    throw error;
  }
}

// private functions

async function declareFields(reader: BucketReader, { database, declare }: RestoreTarget): Promise<void> {
  const { retentionPolicy, measurement } = reader;
  const asked = [...reader.fields].map(([field, type]) => ({ measurement, field, type }));
  const { fields } = await declare(database, retentionPolicy, asked);
  for (const { field, type } of asked) {
    const here = fields.find((known) => known.field === field)?.type;
    if (here === type) continue;
    const why = here === undefined ? `"${measurement}" takes no more fields` : `it is ${here} in "${database}"`;
    throw new QueryError('invalid', `field "${field}" of "${measurement}" is ${type} in the archive: ${why}`);
  }
}

async function publishRows(reader: BucketReader, target: RestoreTarget): Promise<number> {
  const { shards, publish, pause } = target;
  const keys = reader.seriesKeys();
  const isHidden = hiding(target.choice, keys.size);
  const homes = homesOf(keys, reader.measurement, target);
  const waiting: Batch[][] = Array.from({ length: shards }, () => []);
  const bytes = new Float64Array(shards);
  /** By shard: the publish under way; the next one waits for it. */
  const under: Promise<void>[] = Array.from({ length: shards }, () => Promise.resolve());
  const send = async (shard: number): Promise<void> => {
    await under[shard];
    under[shard] = publish(shard, waiting[shard]);
    under[shard].catch(() => {});
    waiting[shard] = [];
    bytes[shard] = 0;
  };
  let rows = 0;
  for (const block of reader.scan({ minTime: INT64_MIN, maxTime: INT64_MAX, series: null, fields: null, map: null })) {
    for (const [shard, numbers] of rowsByShard(block, homes, shards, isHidden).entries()) {
      if (numbers.length === 0) continue;
      const batch = selectRows(batchOf(block, keys, reader, target.database), Uint32Array.from(numbers));
      rows += batch.rows;
      waiting[shard].push(batch);
      bytes[shard] += batchBytes(batch);
      if (bytes[shard] >= PUBLISH_BYTES) await send(shard);
    }
    await pause();
  }
  for (const [shard, batches] of waiting.entries()) if (batches.length > 0) await send(shard);
  await Promise.all(under);
  return rows;
}

/** By series of the bucket: the shard it belongs to here. */
function homesOf(keys: TextDictionary, measurement: string, { database, shards }: RestoreTarget): Uint16Array {
  const seed = shardSeed(database, measurement);
  const homes = new Uint16Array(keys.size);
  for (let i = 0; i < keys.size; i++) {
    homes[i] = shardOf(seed, keys.bytes, keys.offsets[i], keys.offsets[i + 1], shards);
  }
  return homes;
}

type IsHidden = (block: Block, row: number) => boolean;

/** null = nothing is. */
function hiding({ hidden = [], only }: BackupChoice, size: number): IsHidden | null {
  if (hidden.length === 0 && only === undefined) return null;
  const isGone = anyOf(hidden, size);
  const isAsked = only === undefined ? () => true : anyOf(only, size);
  return (block, row) => isGone(block, row) || !isAsked(block, row);
}

function anyOf(rows: readonly BackupRows[], size: number): IsHidden {
  const list = rows.map(({ minTime, maxTime, series }) => {
    const mask = new Uint8Array(size).fill(series === null ? 1 : 0);
    for (const number of series ?? []) mask[number] = 1;
    return { min: BigInt(minTime), max: BigInt(maxTime), mask };
  });
  return ({ series, base, offsets }, row) => {
    const time = base + BigInt(offsets[row]);
    return list.some(({ min, max, mask }) => mask[series[row]] === 1 && time >= min && time <= max);
  };
}

function rowsByShard(block: Block, homes: Uint16Array, shards: number, isHidden: IsHidden | null): number[][] {
  const { rows, series, selection } = block;
  const lists: number[][] = Array.from({ length: shards }, () => []);
  const count = selection?.length ?? rows;
  for (let i = 0; i < count; i++) {
    const row = selection === null ? i : selection[i];
    if (isHidden?.(block, row) !== true) lists[homes[series[row]]].push(row);
  }
  return lists;
}

/** All of a block; of its times only base and offsets mean anything. */
function batchOf(
  { rows, series, base, offsets, columns }: Block,
  seriesKeys: TextDictionary,
  { retentionPolicy, measurement, minTime, maxTime }: BucketReader,
  database: string,
): Batch {
  return { database, retentionPolicy, measurement, rows, seriesKeys, series, base, offsets, minTime, maxTime, columns };
}
