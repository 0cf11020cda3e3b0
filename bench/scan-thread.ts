/**
 * One thread's part of the scan benchmark: a bucket's column, read, checked and added up, in the way a historical query reads
 * (`BucketReader.scanAhead`) and adds (`addColumn`); chunk statistics are not used. As a worker it scans its bucket each time it is sent
 * a message, and answers with what it found.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { addColumn } from '../model/index.ts';
import { BlockCache, BucketReader, NodeFiles } from '../storage/index.ts';

/** As a shard has one for all of its scans: their arrays are used again. It keeps no blocks. */
const CACHE = new BlockCache(0);
const ALL_TIMES = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n };

/** The sum of the column `value`. Nothing that was read of the bucket is kept from one call to the next. */
export async function sumOf(path: string): Promise<number> {
  const files = new NodeFiles();
  const file = await files.open(path, 'read');
  const source = {
    path,
    bytes: await file.size(),
    readSync: (target: Uint8Array, at: number) => file.readSync(target, at),
    read: (target: Uint8Array, at: number) => file.read(target, at),
    close: () => file.close(),
  };
  const reader = BucketReader.open(source, files, CACHE, CACHE.register());
  // as sum(value) does
  const whole = { count: 1, from: Uint32Array.of(0), to: Uint32Array.of(0), slots: Int32Array.of(0) };
  const totals = { sums: new Float64Array(1), lost: new Float64Array(1) };
  for (const step of reader.scanAhead({ ...ALL_TIMES, series: null, fields: ['value'], map: null })) {
    if (step instanceof Promise) await step;
    else {
      whole.to[0] = step.rows;
      addColumn(step.columns.get('value')!, whole, totals);
    }
  }
  await file.close();
  return totals.sums[0] + totals.lost[0];
}

if (!isMainThread) {
  parentPort!.on('message', async () => parentPort!.postMessage(await sumOf(workerData as string)));
}
