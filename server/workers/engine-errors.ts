/** Errors of the stages below the engine, as sessions tell them: the one table from their codes to those of the wire. */
import type { ErrorCode } from '../../client/protocol/index.ts';
import { QueryError } from '../../query/index.ts';
import { AccessError } from '../access/index.ts';
import { EngineError } from '../sessions/index.ts';
import { PeerError } from './peer.ts';

/** Codes of the stages below → codes that clients are told. What is not in the table is a bug and stays `internal`. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  parse: 'parse',
  invalid: 'invalid query',
  'database not found': 'database not found',
  'too large': 'too large',
  malformed: 'parse',
  full: 'busy',
  gone: 'busy',
  'read only': 'busy',
  closed: 'busy',
  // object storage does not answer
  unreachable: 'busy',
  away: 'invalid query',
  busy: 'busy',
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  'too many subscriptions': 'too many subscriptions',
};

/** What is in the table as an EngineError; anything else as it is. */
export function asEngineError(error: unknown): Error {
  if (error instanceof PeerError && error.code in CODES) {
    return new EngineError(CODES[error.code], error.message, error.at);
  }
  if (error instanceof AccessError || error instanceof QueryError)
    return new EngineError(CODES[error.code], error.message);
  return error as Error;
}
