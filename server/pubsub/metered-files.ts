/**
 * Files that count: wraps any other and says in the metrics how long each fsync of a file takes. Composed by whoever opens the
 * embedded broker; it changes nothing else.
 */
import type { Files, OpenMode, StoredFile } from '../../storage/index.ts';
import type { Histogram, Metrics } from '../telemetry/index.ts';

export function meteredFiles(files: Files, metrics: Metrics): Files {
  const tookMs = metrics.histogram('fsync_ms');
  return {
    checksum: files.checksum,
    compression: files.compression,
    open: async (path: string, mode: OpenMode) => meteredFile(await files.open(path, mode), tookMs),
    openSync: (path) => meteredFile(files.openSync(path), tookMs),
    list: (directory) => files.list(directory),
    makeDirectory: (directory) => files.makeDirectory(directory),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    syncDirectory: (directory) => files.syncDirectory(directory),
    lock: (directory) => files.lock(directory),
  };
}

// private functions

function meteredFile(file: StoredFile, tookMs: Histogram): StoredFile {
  return {
    read: (target, at) => file.read(target, at),
    write: (bytes, at) => file.write(bytes, at),
    async datasync() {
      const startMs = performance.now();
      await file.datasync();
      tookMs.observe(performance.now() - startMs);
    },
    truncate: (length) => file.truncate(length),
    readSync: (target, at) => file.readSync(target, at),
    size: () => file.size(),
    close: () => file.close(),
  };
}
