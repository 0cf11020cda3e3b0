/** What an error of the storage means to those who publish and consume. One table, used by the files of the embedded broker. */
import { StorageError, type StorageErrorCode } from '../../storage/index.ts';
import { BrokerError, type BrokerErrorCode } from './broker.ts';

const CODES: Readonly<Record<StorageErrorCode, BrokerErrorCode>> = {
  full: 'full',
  'too large': 'too large',
  // nothing was kept and space may come back, as when a queue is full
  'no space': 'full',
  'read only': 'read only',
  corrupt: 'corrupt',
  'position gone': 'position gone',
  locked: 'read only',
  'not found': 'read only',
  exists: 'read only',
  unreachable: 'read only',
  away: 'read only',
  closed: 'closed',
  failed: 'read only',
};

/** What is neither a StorageError nor a BrokerError is a bug and comes back as it is, thrown. */
export function brokerErrorOf(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  if (error instanceof StorageError) return new BrokerError(CODES[error.code], error.message, error);
  throw error;
}
