/**
 * What threads say to each other, by method name; peer.ts carries it. `main → worker`: write, query, canonical, subscribe … ;
 * `worker → main`: declare, frame, attached, fatal; `worker → worker`: publish, describe, partials, and the live operators' updates.
 * Everything here is plain data.
 */
import type { BackupChoice } from '../../client/protocol/index.ts';
import type { CatalogueDocument, ControlEntry, FieldType, MessageId, Position, Precision } from '../../model/index.ts';
import type { CatalogueStatement } from '../catalogue/index.ts';
import type { Config } from '../config.ts';
import type { FeedFrame } from '../sessions/index.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly config: Config;
  readonly index: number;
  /** owners[shard] = index of the worker that owns it. */
  readonly owners: readonly number[];
  /** Memory of the SharedDirectory. */
  readonly directory: SharedArrayBuffer;
  /** One port to each other worker, by index; none to itself. */
  readonly ports: readonly (import('node:worker_threads').MessagePort | null)[];
}

export interface WriteCall {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly precision: Precision;
  /** False: answer when the messages are on their way, not when they are applied. */
  readonly wait: boolean;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Time of points without one, ns. */
  readonly now: bigint;
  /** What the policy keeps begins here, ns; null = it keeps everything. */
  readonly keptFrom: bigint | null;
}

export interface WriteResult {
  /** The shards written to. */
  readonly positions: readonly (Position & { readonly shard: number })[];
  readonly rows: number;
  readonly batches: number;
  readonly rejected: number;
  /** Points older than what the policy keeps. */
  readonly beyond: number;
  readonly message: string | null;
  readonly unparsed: boolean;
  /** As it came: its buffer may be used for another. */
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface PublishCall {
  readonly shard: number;
  readonly message: Uint8Array<ArrayBuffer>;
  readonly id: MessageId;
  /** True: resolve when the message is applied by the shard's recorder; else when it is in the stream. */
  readonly wait: boolean;
}

export type { QueryRequest as QueryCall, SubscribeHome as SubscribeCall } from '../queries/index.ts';

export interface KillCall {
  readonly id: number;
}

/** What is wrong, null = the query will end. */
export interface KillResult {
  readonly refused: string | null;
}

/** To the worker that runs a query: it fails with this message. */
export interface EndNotice {
  readonly id: number;
  readonly message: string;
}

/** A frame of a feed; to one subscriber, or to all that are attached. */
export interface FrameNotice {
  readonly feed: string;
  readonly to: number | null;
  readonly frame: FeedFrame;
}

/** From now on the subscriber gets what goes to all. */
export interface AttachedNotice {
  readonly feed: string;
  readonly subscriber: number;
}

export interface DeclareCall {
  readonly retentionPolicy: string;
  readonly database: string;
  readonly fields: readonly { readonly measurement: string; readonly field: string; readonly type: FieldType }[];
}

/** A statement for the authority of the catalogue. */
export interface CatalogueCall {
  readonly statement: CatalogueStatement;
  /** Of the request. */
  readonly database: string;
}

export type { ArchiveRequest as BackupCall, ShardSnapshotCall } from '../backup/index.ts';

/** A bucket of an archive. */
export interface RestoreCall {
  readonly database: string;
  /** For errors: what it is called in the archive. */
  readonly name: string;
  readonly choice: BackupChoice;
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface RestoreResult {
  readonly rows: number;
}

/** Of a stored query. */
export interface StoredCall {
  readonly database: string;
  readonly name: string;
}

export interface ControlCall {
  readonly entry: ControlEntry;
}

/** What a worker has found on its shards' disks. */
export interface WorkerReady {
  readonly databases: readonly string[];
  /** By shard of this worker. */
  readonly documents: readonly (readonly CatalogueDocument[])[];
  readonly fields: readonly DeclareCall[];
}

/** Positions to wait for; a worker looks only at the shards that it owns. */
export interface ReachedCall {
  readonly positions: readonly Position[];
}

export interface CanonicalCall {
  readonly text: string;
  readonly database: string;
}

export interface CanonicalResult {
  readonly query: string;
}
