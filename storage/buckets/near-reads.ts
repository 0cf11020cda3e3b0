/**
 * Reading ahead: while some chunks of a large scan are decoded, the next are read by other threads of the process, in one go where their
 * blocks stand together. A scan that has to wait for the disk waits outside of its thread's turn. Blocks that stand alone are not read
 * ahead: to have one read by another thread costs more than to read it, unless the disk is slow.
 */
import type { ScanArrays } from './scan-arrays.ts';
import type { BucketSource, FetchBlocks } from './source.ts';
import { spansOf } from './spans.ts';

/** Blocks of chunks that are read at a time: the first of a scan, which may want no more; and all others, by and by. */
export const FIRST_BYTES = 128 * 1024;
export const AHEAD_BYTES_MAX = 1024 * 1024;
/** So many times that is in memory: one is decoded, the others are on their way. */
export const AHEAD_GROUPS = 3;
/** What stands together and is shorter is read when it is needed. */
const TOGETHER_BYTES_MIN = 64 * 1024;

/** Brings blocks into arrays that are used again for the `AHEAD_GROUPS`-th call after. `source` must be able to `read`. */
export function nearReads(source: BucketSource, arrays: ScanArrays): FetchBlocks {
  let calls = 0;
  return async (places) => {
    const spans = spansOf(places).filter(({ length }) => length >= TOGETHER_BYTES_MIN);
    const bytes = arrays.stored(
      calls++ % AHEAD_GROUPS,
      spans.reduce((sum, { length }) => sum + length, 0),
    );
    let start = 0;
    const parts = spans.map(({ first, length }) => {
      start += length;
      return { at: places[first].at, bytes: bytes.subarray(start - length, start) };
    });
    const reads = parts.map((part) => source.read!(part.bytes, part.at));
    // the arrays must not go to another scan, as they might behind an error, while something is read into them
    await Promise.allSettled(reads);
    const found = await Promise.all(reads);
    return {
      readSync: (target, at) => source.readSync(target, at),
      view: (at, length) => {
        for (let p = 0; p < parts.length; p++) {
          const part = parts[p];
          const from = at - part.at;
          if (from >= 0 && from + length <= found[p]) return part.bytes.subarray(from, from + length);
        }
        return null;
      },
    };
  };
}
