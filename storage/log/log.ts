/** The append log of one shard: lands in a moment. */
import type { Files } from '../files/files.ts';
import type { LogCut, LogOptions, LogRecord } from './types.ts';

export class ShardLog {
  static open(_files: Files, _directory: string, _options: LogOptions): Promise<ShardLog> {
    throw new Error('not yet');
  }
  /** First sequence kept; last + 1 where nothing is. */
  get first(): number {
    return 1;
  }
  /** Last durable sequence, 0 in an empty log. */
  get last(): number {
    return 0;
  }
  get generation(): number {
    return 1;
  }
  get cut(): LogCut | null {
    return null;
  }
  append(_payload: Uint8Array): Promise<number> {
    throw new Error('not yet');
  }
  read(_from: number): AsyncIterable<LogRecord> {
    throw new Error('not yet');
  }
  close(): Promise<void> {
    throw new Error('not yet');
  }
}
