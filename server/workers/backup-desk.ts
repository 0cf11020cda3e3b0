/**
 * BackupDesk: the main thread's side of backups. Hands each to a worker and its pieces on as they are asked for; hands buckets that are
 * restored to a worker; and sees that neither is more than the server can take beside its other work.
 */
import type { Gate } from '../access/index.ts';
import { restoreDocuments } from '../backup/index.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { type BackupRequest, EngineError, type RestoreRequest } from '../sessions/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { asEngineError } from './engine-errors.ts';
import type { BackupCall, RestoreCall, RestoreResult } from './messages.ts';
import { handOver, type Peer } from './peer.ts';
import { startedWith } from './started-with.ts';

/** Each holds files on disk that would be gone otherwise, for as long as its reader takes. */
const BACKUPS_MAX = 4;
/** Of buckets that are being restored: each is in memory whole. */
const RESTORE_BYTES_MAX = 1024 * 1024 * 1024;

export interface BackupDeskOptions {
  readonly gate: Gate;
  readonly catalogue: Catalogue;
  readonly metrics: Metrics;
  readonly nowNs: () => bigint;
  readonly warn: (text: string, error: Error) => void;
}

export class BackupDesk {
  readonly #options: BackupDeskOptions;
  #running = 0;
  #restoring = 0;

  constructor(options: BackupDeskOptions) {
    this.#options = options;
  }

  /** Resolves with the first piece made; rejects with EngineError. The signal gives it up. */
  async backup(
    worker: Peer,
    { user, ...asked }: BackupRequest,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    this.#assertAdmin(user);
    const call: BackupCall = { ...asked, nowMs: Number(this.#options.nowNs() / 1_000_000n) };
    if (this.#running >= BACKUPS_MAX) throw new EngineError('busy', `${BACKUPS_MAX} backups are under way`);
    const pieces = this.#counted(worker.stream<Uint8Array>('backup', call, signal), signal);
    signal.addEventListener('abort', () => pieces.return().catch(() => {}), { once: true });
    const first = await pieces.next();
    return startedWith(first, pieces);
  }

  /** Gives the number of rows; rejects with EngineError. */
  async restore(worker: Peer, { user, database, content }: RestoreRequest): Promise<number> {
    this.#assertAdmin(user);
    const { catalogue } = this.#options;
    try {
      if ('documents' in content) {
        await restoreDocuments(catalogue, database, content.documents);
        return 0;
      }
      if (catalogue.has(database)) return await this.#restoreBucket(worker, { database, ...content });
    } catch (error) {
      throw asEngineError(error);
    }
    throw new EngineError('database not found', `database not found: ${database}`);
  }

  // private functions

  /** Whoever has a backup has everything; whoever restores changes anything. */
  #assertAdmin(user: string | null): void {
    if (this.#options.gate.isAdmin(user)) return;
    throw new EngineError('forbidden', 'backup and restore are for administrators');
  }

  async #restoreBucket(worker: Peer, call: RestoreCall): Promise<number> {
    const bytes = call.body.length;
    if (this.#restoring > 0 && this.#restoring + bytes > RESTORE_BYTES_MAX) {
      throw new EngineError('busy', `${this.#restoring} bytes of buckets are being restored`);
    }
    this.#restoring += bytes;
    try {
      const { rows } = await worker.call<RestoreResult>('restore', handOver(call, [call.body.buffer]));
      this.#options.metrics.counter('rows_restored').add(rows);
      return rows;
    } finally {
      this.#restoring -= bytes;
    }
  }

  async *#counted(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { metrics, warn } = this.#options;
    let outcome = 'failed';
    this.#running++;
    metrics.gauge('backups_running').set(this.#running);
    try {
      for await (const piece of pieces) {
        metrics.counter('backup_bytes').add(piece.length);
        yield piece;
      }
      outcome = 'given';
    } catch (error) {
      if (!signal.aborted) warn('a backup was given up', error as Error);
      throw asEngineError(error);
    } finally {
      this.#running--;
      metrics.gauge('backups_running').set(this.#running);
      metrics.counter('backups', { outcome: signal.aborted ? 'abandoned' : outcome }).add();
    }
  }
}
