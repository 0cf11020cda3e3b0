/**
 * The series of a bucket as the shard numbers them. For readers nothing is made for the whole bucket: numbers are found section by
 * section where rows are met, and kept in the cache of the shard; few series are looked up by their keys, and the latest are remembered,
 * as a query asks for the same more than once.
 */
import type { OpenBuckets } from '../buckets/open-buckets.ts';
import type { BucketReader } from '../buckets/reader.ts';
import { findSeries } from '../buckets/series-lookup.ts';
import type { HeadSeries } from '../head/series.ts';
import type { Pause } from './sorted-rows.ts';

/** The cache's names for the numbers of a section: behind every block there can be. */
const NUMBERS = 3 * 2 ** 30;
/** Series that were looked up, of a bucket. */
const REMEMBERED_MAX = 32;

/** Some series of a bucket: its own numbers, ascending, and what the shard calls them. */
export interface FoundSeries {
  readonly numbers: Uint32Array;
  readonly nameOf: (series: number) => number;
}

export class BucketSeries {
  readonly #open: OpenBuckets;
  /** What the caches know the bucket by. */
  readonly #bucket: number;
  readonly #series: HeadSeries;
  /** By the shard's number, the bucket's; −1 = it does not have it. */
  readonly #remembered = new Map<number, number>();

  constructor(open: OpenBuckets, bucket: number, series: HeadSeries) {
    this.#open = open;
    this.#bucket = bucket;
    this.#series = series;
  }

  /** From the bucket's number to the shard's. */
  nameOf(reader: BucketReader): (series: number) => number {
    const { sectionSeries } = reader;
    let section = -1;
    let numbers: Uint32Array = NOTHING;
    return (series) => {
      const asked = Math.floor(series / sectionSeries);
      if (asked !== section) {
        section = asked;
        numbers = this.#numbersOf(reader, section);
      }
      return numbers[series - section * sectionSeries];
    };
  }

  /** Of all of them, index = the bucket's. The cache keeps nothing of them. */
  async all(reader: BucketReader, pause: Pause): Promise<Uint32Array> {
    const numbers = new Uint32Array(reader.series);
    for (let section = 0, at = 0; at < numbers.length; section++, at += reader.sectionSeries) {
      numbers.set(this.#series.number(reader.keySection(section)), at);
      await pause();
    }
    return numbers;
  }

  /** Of the shard's series listed those that the bucket has. */
  find(reader: BucketReader, list: Uint32Array): FoundSeries {
    const names = new Map<number, number>();
    for (const series of list) {
      const found = this.#remembered.get(series) ?? this.#find(reader, series);
      if (found >= 0) names.set(found, series);
    }
    return { numbers: Uint32Array.from(names.keys()).sort(), nameOf: (series) => names.get(series)! };
  }

  /** In the order in which buckets have them. */
  inOrder(list: Uint32Array): Uint32Array {
    return list.length === 1 ? list : list.slice().sort((a, b) => this.#series.compare(a, b));
  }

  // private functions

  #find(reader: BucketReader, series: number): number {
    const found = findSeries(reader, this.#series.keyBytes(series));
    if (this.#remembered.size === REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(series, found);
    return found;
  }

  #numbersOf(reader: BucketReader, section: number): Uint32Array {
    const { blocks } = this.#open;
    const known = blocks.get(this.#bucket, NUMBERS + section) as Uint32Array | undefined;
    if (known !== undefined) return known;
    const numbers = this.#series.number(reader.keySection(section));
    blocks.set(this.#bucket, NUMBERS + section, numbers, numbers.byteLength);
    return numbers;
  }
}

// private functions

const NOTHING = new Uint32Array(0);
