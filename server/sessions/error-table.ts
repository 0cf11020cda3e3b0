/** The one table from an error's code to the HTTP status that tells it; a frame carries the code itself. */
import type { ErrorCode } from '../../client/protocol/index.ts';
import { EngineError } from './engine.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  'bad frame': 400,
  parse: 400,
  'invalid query': 400,
  'database not found': 404,
  'partial write': 400,
  unauthorized: 401,
  forbidden: 403,
  'too many subscriptions': 429,
  'too large': 413,
  busy: 503,
  'unknown subscription': 404,
  internal: 500,
};

/** Seconds a refused client should wait: as long as a full queue needs to drain. */
export const RETRY_AFTER_SECONDS = 1;

export interface ToldError {
  readonly code: ErrorCode;
  readonly status: number;
  readonly message: string;
  readonly at: number | undefined;
}

export function statusOf(code: ErrorCode): number {
  return STATUS[code];
}

/** What a client is told of an error. Whatever is not an EngineError is a bug: logged, and shown as `internal error` alone. */
export function toldError(error: unknown, log: (line: string) => void): ToldError {
  if (error instanceof EngineError) {
    return { code: error.code, status: STATUS[error.code], message: error.message, at: error.at };
  }
  log(`internal error: ${error instanceof Error ? error.stack : String(error)}`);
  return { code: 'internal', status: STATUS.internal, message: 'internal error', at: undefined };
}
