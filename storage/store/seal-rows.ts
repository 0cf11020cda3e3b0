/**
 * Writes the frozen rows of one measurement as buckets, one per head partition and span of time. Called by the store, which lists them
 * in the manifest afterwards: until then the files mean nothing, and an opening store removes them.
 */
import type { Position } from '../../model/index.ts';
import { BucketWriter } from '../buckets/writer.ts';
import type { Files } from '../files/files.ts';
import type { HeadRows } from '../head/rows.ts';
import type { HeadSeries } from '../head/series.ts';
import type { MeasurementName } from '../head/types.ts';
import { RowValues } from './gather.ts';
import type { ManifestBucket } from './manifest-record.ts';
import { type Pause, type SortedSpan, sortedSpans } from './sorted-rows.ts';

/** Rows handed to the writer in one go: two of its chunks, and with ten fields some 25 ms of its work. */
const PART_ROWS = 16_384;

export interface SealTarget {
  readonly files: Files;
  readonly directory: string;
  readonly position: Position;
  readonly spanNs: bigint;
  /** Gives the id of the next bucket. */
  readonly nextId: () => number;
  readonly pause: Pause;
}

export function bucketPath(directory: string, id: number): string {
  return `${directory}/${bucketName(id)}`;
}

export function bucketName(id: number): string {
  return `${String(id).padStart(10, '0')}.bucket`;
}

/** 0 where it is not the name of a bucket. */
export function bucketId(name: string): number {
  return Number(/^(\d+)\.bucket$/.exec(name)?.[1] ?? 0);
}

/** What it wrote. Where it throws, files may stay behind. */
export async function sealRows(
  name: MeasurementName,
  series: HeadSeries,
  rows: HeadRows,
  target: SealTarget,
): Promise<ManifestBucket[]> {
  const buckets: ManifestBucket[] = [];
  for (const partition of rows.partitions) {
    // rows are fetched series by series: where those of each stand together, memory is read along instead of jumped through
    while (partition.sortOne(partition.minTime, partition.maxTime)) await target.pause();
    for await (const span of sortedSpans(partition, series, target.spanNs, target.pause)) {
      buckets.push(await writeSpan(name, series, span, target));
    }
  }
  return buckets;
}

// private functions

async function writeSpan(
  name: MeasurementName,
  series: HeadSeries,
  span: SortedSpan,
  target: SealTarget,
): Promise<ManifestBucket> {
  const { files, directory, position, nextId, pause } = target;
  const { base, rows } = span;
  const id = nextId();
  const writer = await BucketWriter.create(files, bucketPath(directory, id), {
    ...name,
    position,
    base,
  });
  const lastOffsets = new Float64Array(span.series.length);
  try {
    const values = new RowValues(span.chunks.map((chunk) => chunk.pin(null).columns));
    let at = 0;
    for (let from = 0; from < rows; from += PART_ROWS) {
      const places = span.places.subarray(from, from + PART_ROWS);
      const numbers = new Uint32Array(places.length);
      const offsets = span.offsets.subarray(from, from + PART_ROWS);
      for (let i = 0; i < places.length; i++) {
        while (from + i >= span.starts[at + 1]) at++;
        numbers[i] = at;
        lastOffsets[at] = offsets[i];
      }
      const columns = values.columns(places);
      await pause();
      await writer.write({ rows: places.length, series: numbers, offsets, columns }, pause);
      await pause();
    }
    const { bytes, minTime, maxTime } = await writer.finish(series.keysOf(span.series), pause);
    const { sequence } = position;
    const range = { base, minTime, maxTime, late: span.late };
    return { ...name, id, layer: id, sequence, bytes, rows, ...range, lastSeries: span.series, lastOffsets };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
