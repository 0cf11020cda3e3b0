/** How much of the machine work in the background may take, so that reads and writes have the rest. */

/** Read and written: a fifth of what a plain disk does. */
const BYTES_PER_SECOND = 64 * 1024 * 1024;
/** Of the shard's thread. */
const THREAD_SHARE = 0.25;
/** What has been waited for longer than this between two calls was not work. */
const WORK_MS_MAX = 200;

/** Told how many bytes have been written since the last call; resolves when more may be. As many are taken to have been read. */
export function makePace(
  bytesPerSecond = BYTES_PER_SECOND,
  threadShare = THREAD_SHARE,
): (bytes: number) => Promise<void> {
  let beganMs = performance.now();
  return async (bytes) => {
    const workMs = Math.min(WORK_MS_MAX, performance.now() - beganMs);
    const restMs = Math.max(workMs * (1 / threadShare - 1), (2000 * bytes) / bytesPerSecond - workMs);
    await new Promise((resolve) => setTimeout(resolve, restMs));
    beganMs = performance.now();
  };
}
