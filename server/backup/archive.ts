/**
 * Writes a backup (client/protocol/backup.ts) as a stream of bytes, on one worker: takes a snapshot of every shard, says in
 * `backup.json` what they hold, then passes their buckets on, unopened, and counts checksums on the way.
 *
 * The position named is that of the snapshots, shard by shard; each is not before the one at which its shard stood when the backup
 * was asked for. What was removed since the backup before is told as rows that are replaced: whoever restores forgets them, and finds
 * all that are still there in the archive. Documents are as they stand when the snapshots have been taken. Nothing is held but a piece of
 * a file.
 */
import { createHash } from 'node:crypto';
import {
  BACKUP_FILE_BYTES_MAX,
  BACKUP_FORMAT,
  BACKUP_FORMAT_REPLACING,
  BACKUP_JSON,
  type BackupFile,
  type BackupManifest,
  type BackupRows,
  SUMS,
  TAR_END_BYTES,
  tarHeader,
  tarPadding,
} from '../../client/protocol/index.ts';
import { decodePosition, encodePosition, ORIGIN, type PositionVector, TIME_MAX, TIME_MIN } from '../../model/index.ts';
import { QueryError } from '../../query/index.ts';
import { covers, distinct, type Removal, type SnapshotBucket } from '../../storage/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import type { ShardSnapshotCall, ShardSnapshotHead, ShardSnapshotItem } from './shard-snapshot.ts';

/** Snapshots taken anew for what was deleted meanwhile. */
const ROUNDS_MAX = 8;

export interface ArchiveRequest {
  /** Position token of the backup before; '' = everything. */
  readonly since: string;
  /** Empty = all. */
  readonly databases: readonly string[];
  readonly nowMs: number;
}

export interface ArchiveSource {
  readonly shards: number;
  readonly catalogue: CatalogueView;
  open(call: ShardSnapshotCall): AsyncIterable<ShardSnapshotItem>;
}

/** Rejects with QueryError before the first byte where it cannot be made. */
export async function* writeArchive(request: ArchiveRequest, source: ArchiveSource): AsyncGenerator<Uint8Array> {
  const since = sinceOf(request.since, source.shards);
  const databases = databasesOf(request.databases, source.catalogue);
  const { parts, heads, replaced } = await openParts(since, databases, source);
  try {
    const manifest = manifestOf(request, heads, replaced, databases, source.catalogue);
    yield* archived(manifest, parts, request.nowMs / 1000);
  } finally {
    await closeParts(parts);
  }
}

// private functions

type Part = AsyncIterator<ShardSnapshotItem>;

interface OpenParts {
  readonly parts: readonly Part[];
  /** By shard. */
  readonly heads: readonly ShardSnapshotHead[];
  /** What any shard removed: of these times every shard's rows are in the archive. */
  readonly replaced: readonly Removal[];
}

/** What is removed while the shards take their snapshots makes them take others. */
async function openParts(
  since: PositionVector | null,
  databases: readonly string[] | null,
  source: ArchiveSource,
): Promise<OpenParts> {
  let replaced: readonly Removal[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const parts = Array.from({ length: source.shards }, (_, shard) =>
      source.open({ shard, since: since?.[shard].sequence ?? 0, databases, replaced })[Symbol.asyncIterator](),
    );
    try {
      const heads = await Promise.all(parts.map(headOf));
      const removed = heads.flatMap(({ removals }) => removals);
      if (removed.every((removal) => replaced.some((known) => covers(known, removal))))
        return { parts, heads, replaced };
      replaced = distinct([...replaced, ...removed]);
    } catch (error) {
      await closeParts(parts);
      throw error;
    }
    await closeParts(parts);
  }
  throw new QueryError('invalid', `since: something was deleted ${ROUNDS_MAX} times while the backup began: try again`);
}

async function closeParts(parts: readonly Part[]): Promise<void> {
  await Promise.all(parts.map((part) => part.return?.()));
}

function sinceOf(token: string, shards: number): PositionVector | null {
  if (token === '') return null;
  const position = decodePosition(token);
  const isOurs = position?.length === shards && position.every(({ generation }) => generation === ORIGIN.generation);
  if (!isOurs) throw new QueryError('invalid', 'since: not a position of this server');
  return position;
}

/** null = all. */
function databasesOf(asked: readonly string[], catalogue: CatalogueView): readonly string[] | null {
  for (const name of asked) {
    if (!catalogue.has(name)) throw new QueryError('invalid', `database not found: ${name}`);
  }
  return asked.length === 0 ? null : [...new Set(asked)];
}

async function headOf(part: Part): Promise<ShardSnapshotHead> {
  const { value } = await part.next();
  return value as ShardSnapshotHead;
}

function manifestOf(
  { nowMs, since }: ArchiveRequest,
  heads: readonly ShardSnapshotHead[],
  replaced: readonly Removal[],
  databases: readonly string[] | null,
  catalogue: CatalogueView,
): BackupManifest {
  const documents = [...catalogue.documents.all()].filter(
    ({ database }) => databases === null || databases.includes(database),
  );
  const told = replaced.map(({ minTime, maxTime, ...what }) => {
    return {
      ...what,
      minTime: minTime <= TIME_MIN ? null : String(minTime),
      maxTime: maxTime >= TIME_MAX ? null : String(maxTime),
    };
  });
  return {
    format: replaced.length === 0 ? BACKUP_FORMAT : BACKUP_FORMAT_REPLACING,
    made: new Date(nowMs).toISOString(),
    position: encodePosition(heads.map(({ sequence }) => ({ generation: ORIGIN.generation, sequence }))),
    since: since === '' ? null : since,
    databases: databases ?? catalogue.databases,
    complete: databases === null,
    documents: documents.map(({ kind, database, name, body }) => ({ kind, database, name, body })),
    ...(told.length === 0 ? {} : { replaced: told }),
    files: heads.flatMap(({ buckets }, shard) => buckets.map((bucket) => fileOf(shard, bucket))),
  };
}

function fileOf(shard: number, bucket: SnapshotBucket): BackupFile {
  const { id, bytes, rows, database, retentionPolicy, measurement } = bucket;
  const name = `shard-${shard}/${String(id).padStart(8, '0')}.bucket`;
  if (bytes > BACKUP_FILE_BYTES_MAX) throw new Error(`${name}: ${bytes} bytes, more than ${BACKUP_FILE_BYTES_MAX}`);
  const [minTime, maxTime] = [String(bucket.minTime), String(bucket.maxTime)];
  const file = { name, bytes, database, retentionPolicy, measurement, rows, minTime, maxTime };
  return {
    ...file,
    ...(bucket.hidden.length === 0 ? {} : { hidden: bucket.hidden.map(rowsOf) }),
    ...(bucket.only === null ? {} : { only: bucket.only.map(rowsOf) }),
  };
}

function rowsOf({ min, max, series }: SnapshotBucket['hidden'][number]): BackupRows {
  return { minTime: String(min), maxTime: String(max), series: series === null ? null : [...series] };
}

async function* archived(
  manifest: BackupManifest,
  parts: readonly Part[],
  seconds: number,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const sums: string[] = [];
  const text = encoder.encode(`${JSON.stringify(manifest, null, 1)}\n`);
  yield* entry(BACKUP_JSON, text.length, [text], seconds, sums);
  for (const { name, bytes } of manifest.files) {
    const shard = Number(/\d+/.exec(name)![0]);
    yield* entry(name, bytes, piecesOf(parts[shard], bytes), seconds, sums);
  }
  const lines = encoder.encode(sums.join(''));
  yield* entry(SUMS, lines.length, [lines], seconds, []);
  yield new Uint8Array(TAR_END_BYTES);
}

/** Its pieces are passed on, and are nobody's any more: what is to be known of them is asked before. */
async function* entry(
  name: string,
  bytes: number,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  seconds: number,
  sums: string[],
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  yield tarHeader({ name, bytes }, seconds);
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
  const padding = tarPadding(bytes);
  if (padding > 0) yield new Uint8Array(padding);
  sums.push(`${hash.digest('hex')}  ${name}\n`);
}

async function* piecesOf(part: Part, bytes: number): AsyncGenerator<Uint8Array> {
  for (let passed = 0; passed < bytes; ) {
    const { value } = await part.next();
    const { piece } = value as Extract<ShardSnapshotItem, { piece: Uint8Array }>;
    passed += piece.length;
    yield piece;
  }
}
