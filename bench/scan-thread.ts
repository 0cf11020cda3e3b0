/**
 * One thread's part of the scan benchmark: a bucket's column, read, checked, decoded and added up value by value, in the way a historical
 * query reads (`BucketReader.scanAhead`); chunk statistics are not used. As a worker it scans its bucket each time it is sent a message,
 * and answers with what it found.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { BlockCache, BucketReader, NodeFiles } from '../storage/index.ts';

const ALL_TIMES = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n };

/** The sum of the column `value`. Nothing of the bucket is kept from one call to the next. */
export async function sumOf(path: string): Promise<number> {
  const files = new NodeFiles();
  const file = await files.open(path, 'read');
  const cache = new BlockCache();
  const source = {
    path,
    bytes: await file.size(),
    readSync: (target: Uint8Array, at: number) => file.readSync(target, at),
    read: (target: Uint8Array, at: number) => file.read(target, at),
    close: () => file.close(),
  };
  const reader = BucketReader.open(source, files, cache, cache.register());
  let sum = 0;
  for (const step of reader.scanAhead({ ...ALL_TIMES, series: null, fields: ['value'], map: null })) {
    if (step instanceof Promise) await step;
    else sum += added(step.columns.get('value')!.values as Float64Array);
  }
  await file.close();
  return sum;
}

if (!isMainThread) {
  parentPort!.on('message', async () => parentPort!.postMessage(await sumOf(workerData as string)));
}

// private functions

/** In eight sums, as one addition would have to wait for the one before. */
function added(values: Float64Array): number {
  const n = values.length;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let e = 0;
  let f = 0;
  let g = 0;
  let h = 0;
  let i = 0;
  for (; i < n - 7; i += 8) {
    a += values[i];
    b += values[i + 1];
    c += values[i + 2];
    d += values[i + 3];
    e += values[i + 4];
    f += values[i + 5];
    g += values[i + 6];
    h += values[i + 7];
  }
  for (; i < n; i++) a += values[i];
  return a + b + c + d + e + f + g + h;
}
