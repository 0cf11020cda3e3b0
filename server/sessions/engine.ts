/**
 * Engine: what the sessions need from the rest of the server, as one port. Sessions know HTTP and sockets and no shards; the
 * engine knows shards and no sockets. All calls are made on the sessions' thread; work and encoding happen on the workers.
 */
import type { BackupChoice, BackupDocument, Epoch, ErrorCode } from '../../client/protocol/index.ts';
import type { Precision } from '../../model/index.ts';
import type { Credentials } from '../access/index.ts';
import type { AnswerFormat } from '../queries/answers/index.ts';

export type AckLevel = 'none' | 'queued' | 'disk' | 'quorum';

export interface WriteRequest {
  /** As `authenticate` gave it. */
  readonly user: string | null;
  readonly database: string;
  /** '' = the default policy. */
  readonly retentionPolicy: string;
  readonly precision: Precision;
  readonly ack: AckLevel;
  /** Line protocol, not compressed. The buffer is handed over: the caller does not have it afterwards. */
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface WriteOutcome {
  /** Token to read one's own write by. */
  readonly position: string;
  /** null: every line was kept. Else InfluxDB's text `partial write: …` and what it says of the lines; the good ones were kept. */
  readonly partial: string | null;
  /** The body's buffer, given back; what is in it means nothing. */
  readonly buffer: ArrayBuffer;
}

export type { AnswerFormat, Credentials };

export interface QueryRequest {
  /** As `authenticate` gave it. */
  readonly user: string | null;
  readonly text: string;
  readonly database: string;
  readonly format: AnswerFormat;
  /** null = RFC3339 texts in JSON, ns in CSV. */
  readonly epoch: Epoch | null;
  readonly pretty: boolean;
  /** Rows per chunk where the client asked for chunks, else 0. */
  readonly chunkRows: number;
  /** Bind parameters (`params=`): a JSON object text, '' = none. */
  readonly params: string;
  /** Position token that must be readable first, '' = none. */
  readonly after: string;
  /** GET may not change anything, as in InfluxDB. */
  readonly readOnly: boolean;
}

export interface BackupRequest {
  /** As in a query. */
  readonly user: string | null;
  /** Position token of the backup before: only what came after it; '' = everything. */
  readonly since: string;
  /** Empty = all. */
  readonly databases: readonly string[];
}

export interface RestoreRequest {
  /** As in a query. */
  readonly user: string | null;
  /** '' = the server as a whole: documents only. */
  readonly database: string;
  /** What of an archive: documents of the catalogue, or a bucket with its name. */
  readonly content:
    | { readonly documents: readonly BackupDocument[] }
    | { readonly name: string; readonly choice: BackupChoice; readonly body: Uint8Array<ArrayBuffer> };
}

export interface SubscribeRequest {
  /** As `authenticate` gave it. */
  readonly user: string | null;
  readonly database: string;
  readonly text: string;
  readonly epoch: Epoch | null;
  /** Series are named once and then by number. */
  readonly refs: boolean;
  readonly snapshot: boolean;
  /** Cursor to go on from, '' = none. */
  readonly since: string;
}

export interface MetadataRequest {
  /** As `authenticate` gave it. */
  readonly user: string | null;
  readonly database: string;
  /** null = all of them. */
  readonly measurement: string | null;
  /** `tag=value,tag=value` in any order; null = all, or the measurement itself. */
  readonly series: string | null;
}

/** What is said of a measurement, or of a series of it. Plain JSON. */
export interface SaidOf {
  readonly measurement: string;
  /** Canonical key; null = the measurement itself. */
  readonly series: string | null;
  readonly unit?: string;
  readonly description?: string;
  readonly metadata?: unknown;
}

/** A frame for one feed, encoded once for all of its subscribers: `{"op":"<op>","id":"<id>",` + `members` + `}`. */
export interface FeedFrame {
  readonly op: 'series' | 'group' | 'rows' | 'delete' | 'progress' | 'gap' | 'reset' | 'error';
  /** UTF-8 JSON members without the braces, `"phase":"live","final":true,…`. */
  readonly members: Uint8Array;
  /** Where a client that has seen this frame stands; '' for frames that have no cursor. */
  readonly cursor: string;
  readonly phase: 'snapshot' | 'live';
  /** How far the query had come, ms since 1970; null where the frame does not say, or nothing was seen yet. */
  readonly watermarkMs: number | null;
  /** More of what was emitted together with it follows at once. */
  readonly more?: true;
}

export interface Feed {
  /** Canonical text. */
  readonly query: string;
  /** Ends it; idempotent. No frame comes after it. */
  close(): void;
}

/** An expected outcome that the client is told: unknown database, syntax, queue full. Everything else is a bug, told as `internal`. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  /** Offset in the query's text, where there is one. */
  readonly at: number | undefined;
  constructor(code: ErrorCode, message: string, at?: number) {
    super(message);
    this.code = code;
    this.at = at;
  }
}

export interface Engine {
  /** False: everybody may do everything, and nobody is asked who they are. */
  readonly guarded: boolean;
  /**
   * Who somebody is; '' while there are no users, null where nobody is asked. Rejects with EngineError `unauthorized`. What the user may
   * do each call below finds out by itself, and rejects with `forbidden`.
   */
  authenticate(credentials: Credentials | null): Promise<string | null>;
  /** Rejects with EngineError: `database not found`, `busy`, `too large`, `parse` (no line could be kept: message as InfluxDB's). */
  write(request: WriteRequest): Promise<WriteOutcome>;
  /** The body of the answer, piece by piece; a statement's error is inside the answer, a syntax error rejects before the first piece. */
  query(request: QueryRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** An archive (client/protocol/backup.ts), piece by piece. Rejects with EngineError before the first one. */
  backup(request: BackupRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Gives the number of rows that were kept; documents that are there already stay as they are. Rejects with EngineError. */
  restore(request: RestoreRequest): Promise<number>;
  /** `frame` is called for the snapshot and everything after it, in order, never before this has resolved. */
  subscribe(request: SubscribeRequest, frame: (frame: FeedFrame) => void): Promise<Feed>;
  /** Rejects with EngineError `database not found`, `invalid query`. */
  metadata(request: MetadataRequest): Promise<readonly SaidOf[]>;
  /** Takes the place of all that was said of it before; an empty object takes that back. Rejects as `metadata`. */
  setMetadata(request: MetadataRequest, said: unknown): Promise<void>;
  /** Body of `/health` and `/ready`. */
  health(): { readonly ready: boolean; readonly message: string };
}
