/**
 * Writes the rows of some buckets as new ones, span by span, and in each span a bucket after the other as they reach the byte target.
 * Called by the cleaner, which lists them in the manifest afterwards: until then the files mean nothing, and an opening store removes
 * them. Where a span is narrower than the inputs they are read once for each.
 */
import { type Position, TextDictionary } from '../../model/index.ts';
import { BucketWriter } from '../buckets/writer.ts';
import type { Files } from '../files/files.ts';
import type { RowLayer, TimeRange } from '../head/row-layer.ts';
import type { HeadSeries } from '../head/series.ts';
import type { MeasurementName } from '../head/types.ts';
import type { ManifestBucket } from './manifest-record.ts';
import { type MergedPart, mergedParts } from './merge-rows.ts';
import { bucketPath } from './seal-rows.ts';
import { type Pause, sortedSeries } from './sorted-rows.ts';
import { spanStart } from './spans.ts';

export interface RewriteTarget {
  readonly files: Files;
  readonly directory: string;
  /** Greatest of the inputs. */
  readonly position: Position;
  readonly spanNs: bigint;
  /** A bucket that has grown to this is followed by another. */
  readonly bucketBytes: number;
  readonly nextId: () => number;
  readonly pause: Pause;
  /** Told how many bytes were written; resolves when more may be. */
  readonly pace: (bytes: number) => Promise<void>;
}

export interface RewriteInput {
  readonly rows: RowLayer;
  /** The shard's numbers of the series in it. */
  readonly series: Uint32Array;
}

/** What a rewritten bucket is, but for its place among the others. */
export type Rewritten = Omit<ManifestBucket, 'layer' | 'late'>;

/** Inputs oldest first. Where it throws it leaves no files, but for those it was not allowed to remove. */
export async function rewrite(
  name: MeasurementName,
  table: HeadSeries,
  inputs: readonly RewriteInput[],
  target: RewriteTarget,
): Promise<Rewritten[]> {
  const { spanNs } = target;
  const ranks = await ranksOf(table, inputs, target.pause);
  const layers = inputs.map(({ rows }) => rows);
  const whole = { min: least(layers), max: greatest(layers) };
  const written: Rewritten[] = [];
  let output: Output | null = null;
  try {
    for (let base = spanStart(whole.min, spanNs); base <= whole.max; base += spanNs) {
      const range: TimeRange = { min: base, max: base + spanNs - 1n };
      const near = layers.filter((layer) => layer.minTime <= range.max && layer.maxTime >= range.min);
      if (near.length === 0) continue;
      for await (const part of mergedParts({ inputs: near, range, base, ranks, pause: target.pause })) {
        output ??= await Output.create(name, base, target);
        const before = output.bytes;
        await output.write(part);
        await target.pace(output.bytes - before);
        if (output.bytes < target.bucketBytes) continue;
        written.push(await output.finish(table));
        output = null;
      }
      if (output !== null) written.push(await output.finish(table));
      output = null;
    }
  } catch (error) {
    await output?.abandon();
    for (const { id } of written) await target.files.remove(bucketPath(target.directory, id)).catch(() => {});
    throw error;
  }
  return written;
}

// private functions

/** A bucket being written; its series are numbered as they come. */
class Output {
  readonly #name: MeasurementName;
  readonly #id: number;
  readonly #base: bigint;
  readonly #writer: BucketWriter;
  readonly #pause: Pause;
  readonly #sequence: number;
  /** The shard's numbers, in order of the bucket's. */
  #series = new Uint32Array(1024);
  #count = 0;

  private constructor(name: MeasurementName, id: number, base: bigint, writer: BucketWriter, target: RewriteTarget) {
    this.#name = name;
    this.#id = id;
    this.#base = base;
    this.#writer = writer;
    this.#pause = target.pause;
    this.#sequence = target.position.sequence;
  }

  static async create(name: MeasurementName, base: bigint, target: RewriteTarget): Promise<Output> {
    const { files, directory, position, nextId } = target;
    const id = nextId();
    const writer = await BucketWriter.create(files, bucketPath(directory, id), { ...name, position, base });
    return new Output(name, id, base, writer, target);
  }

  get bytes(): number {
    return this.#writer.bytes;
  }

  write({ rows, series, offsets, columns }: MergedPart): Promise<void> {
    const numbers = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) {
      if (this.#count === 0 || series[row] !== this.#series[this.#count - 1]) this.#add(series[row]);
      numbers[row] = this.#count - 1;
    }
    return this.#writer.write({ rows, series: numbers, offsets, columns }, this.#pause);
  }

  async finish(table: HeadSeries): Promise<Rewritten> {
    const keys = this.#count === 0 ? TextDictionary.of([]) : table.keysOf(this.#series.slice(0, this.#count));
    const { bytes, rows, minTime, maxTime } = await this.#writer.finish(keys, this.#pause);
    return {
      ...this.#name,
      id: this.#id,
      sequence: this.#sequence,
      bytes,
      rows,
      base: this.#base,
      minTime,
      maxTime,
      // the manifest knows the last time of every series already
      lastSeries: new Uint32Array(0),
      lastOffsets: new Float64Array(0),
    };
  }

  abandon(): Promise<void> {
    return this.#writer.abandon();
  }

  // private functions

  #add(series: number): void {
    if (this.#count === this.#series.length) {
      const grown = new Uint32Array(2 * this.#count);
      grown.set(this.#series);
      this.#series = grown;
    }
    this.#series[this.#count++] = series;
  }
}

/** Place of each series of the inputs in the order of keys; index = the shard's number. */
async function ranksOf(table: HeadSeries, inputs: readonly RewriteInput[], pause: Pause): Promise<Uint32Array> {
  const marks = new Uint32Array(table.size);
  for (const { series } of inputs) {
    for (const number of series) marks[number] = 1;
    await pause();
  }
  const sorted = await sortedSeries(marks, table, pause);
  for (let i = 0; i < sorted.length; i++) marks[sorted[i]] = i;
  return marks;
}

function least(layers: readonly RowLayer[]): bigint {
  let min = layers[0].minTime;
  for (const { minTime } of layers) if (minTime < min) min = minTime;
  return min;
}

function greatest(layers: readonly RowLayer[]): bigint {
  let max = layers[0].maxTime;
  for (const { maxTime } of layers) if (maxTime > max) max = maxTime;
  return max;
}
