/**
 * What can go wrong for a client, as one class with a closed code. `code` is for programs, `message` for people: it is the
 * server's own words where the server spoke. Programmer's errors (a point without fields) are `invalid point`.
 */
import type { ErrorCode } from '../protocol/index.ts';

export type MillraceErrorCode =
  | ErrorCode
  /** No answer: refused, reset, name not found, or the answer was not one of this protocol. */
  | 'unreachable'
  /** An answer over HTTP with a status that has no code of its own; see `status`. */
  | 'refused'
  /** The point cannot be said in line protocol. Nothing was sent. */
  | 'invalid point'
  /** `close()` was called. */
  | 'closed';

export interface MillraceErrorDetails {
  /** HTTP status, where there is one. */
  status?: number;
  /** Offset in the query's text, from 0. */
  at?: number;
  /** How long the server asks to wait. */
  retryAfterMs?: number;
  /** Position token of what was kept of a partial write. */
  position?: string;
  cause?: unknown;
}

export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: MillraceErrorCode;
  readonly status: number | undefined;
  readonly at: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly position: string | undefined;

  constructor(code: MillraceErrorCode, message: string, details: MillraceErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.at = details.at;
    this.retryAfterMs = details.retryAfterMs;
    this.position = details.position;
  }
}
