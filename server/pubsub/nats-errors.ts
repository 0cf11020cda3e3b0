/** What an error of the NATS client means to those who publish and consume. One table, used by the other nats files. */
import { JetStreamApiError } from '@nats-io/jetstream';
import { BrokerError } from './broker.ts';

/** Error codes of the JetStream API, from the server's errors.json. */
const FULL = new Set([
  10077, // maximum bytes exceeded
  10047, // insufficient storage resources available
  10023, // insufficient resources
  10028, // insufficient memory resources
]);
const TOO_LARGE = new Set([10054 /* message size exceeds maximum allowed */]);
const STREAM_NOT_FOUND = 10059;
const STREAM_NAME_IN_USE = 10058;

/** Null: the broker cannot be reached, or is between two leaders; trying again may help. */
export function finalErrorOf(error: unknown): BrokerError | null {
  if (error instanceof BrokerError) return error;
  if (!(error instanceof JetStreamApiError)) return null;
  if (FULL.has(error.code)) return new BrokerError('full', `stream is full: ${error.message}`, error);
  if (TOO_LARGE.has(error.code)) return new BrokerError('too large', error.message, error);
  // 5xx: no leader, shutting down, not ready; and a stream may be found once the server has read its store
  if (error.status >= 500 || isStreamMissing(error)) return null;
  return new BrokerError('gone', `broker refuses: ${error.message}`, error);
}

export function goneError(what: string, waitedMs: number, cause: unknown): BrokerError {
  const reason = cause instanceof Error ? cause.message : 'not connected';
  return new BrokerError('gone', `broker did not ${what} within ${waitedMs} ms: ${reason}`, cause);
}

export function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND;
}

export function isStreamNameInUse(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === STREAM_NAME_IN_USE;
}
