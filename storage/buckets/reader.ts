/**
 * Reads a bucket (`layout.ts`) from its source. Opening reads header, footer and trailer; everything else is read when a scan needs it,
 * and checked against its checksum before it is decoded. Chunks that cannot hold rows of the request (by time, by series) are not read at
 * all, and of the others only the blocks of the wanted fields. Decoded blocks of small scans that come again are kept in the cache that
 * the readers of a shard share.
 *
 * Who can wait scans chunks in groups: it is said which blocks a group needs, they are waited for outside of the scan, and decoded from
 * memory then. So a large scan reads ahead (`near-reads.ts`), and blocks that lie far away (`../tiers/`) are fetched. A long file,
 * because all scans read a chunk in the same way.
 */
import { type Block, type Column, type FieldType, type Position, TextDictionary } from '../../model/index.ts';
import type { Files } from '../files/files.ts';
import { BlockCheck } from './block-check.ts';
import type { BlockCache } from './cache.ts';
import { type ChunkGroup, ChunkTable } from './chunk-table.ts';
import { decodeColumn, decodeRuns, decodeTimes, loadPacked } from './column-block.ts';
import { corrupt, type Opened, readEnds } from './ends.ts';
import { type ByteRange, type Footer, fieldAt, type Place, RUNS_AT, TIMES_AT } from './layout.ts';
import { AHEAD_BYTES_MAX, AHEAD_GROUPS, FIRST_BYTES, nearReads } from './near-reads.ts';
import { columnBytes, FIELDS, ONE_START, Pieces, RUNS, TIMES } from './pieces.ts';
import { ScanArrays } from './scan-arrays.ts';
import { mergedRanges, selectedBlock } from './selection.ts';
import { concatenated, decodeKeys, placeOf } from './series-section.ts';
import { SharedTimes } from './shared-times.ts';
import type { BlockSource, BucketSource, FetchBlocks } from './source.ts';
import { spansOf } from './spans.ts';
import type { BucketScan, ChunkStatistics } from './types.ts';

/** What a scan of more chunks than this keeps would only push out what smaller ones keep using. */
const CACHED_CHUNKS_MAX = 64;
/** Blocks that lie far away and are fetched, and held in memory, at a time by one scan; of a chunk that has more, its own. */
const FAR_BYTES_MAX = 8 * 1024 * 1024;
/** The same of a merge, which scans several beside each other. */
const FAR_LASTING_BYTES_MAX = 1024 * 1024;

/** The cache's names for keys: behind the blocks of all chunks. */
const FIRST_KEYS = 2 ** 31 - 1;
const LAST_KEY = 2 ** 31;
const NO_KEYS = TextDictionary.of([]);

/** What bytes are checked and unpacked with. */
export type BucketCodec = Pick<Files, 'checksum' | 'compression'>;

/** What a scan offers of a chunk of one series instead of its rows; true = taken. */
export type TakeChunk = (chunk: ChunkStatistics & { readonly series: number; readonly base: bigint }) => boolean;

export class BucketReader {
  readonly path: string;
  readonly bytes: number;
  /** Length of the footer: what an open bucket takes of memory, about. */
  readonly footerBytes: number;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly position: Position;
  readonly base: bigint;
  readonly rows: number;
  /** How many; their keys by `seriesKeys()`. */
  readonly series: number;
  readonly chunks: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly fields: ReadonlyMap<string, FieldType>;
  /** crc32c of the footer, as the summary has it. */
  readonly footerChecksum: number;
  /** From here on to its end the bucket holds no blocks: series keys, footer, trailer. */
  readonly endAt: number;
  /** Blocks read from the source so far. */
  blocksRead = 0;
  readonly #source: BucketSource;
  readonly #codec: BucketCodec;
  readonly #cache: BlockCache;
  readonly #id: number;
  readonly #footer: Footer;
  readonly #table: ChunkTable;

  private constructor(source: BucketSource, codec: BucketCodec, cache: BlockCache, number: number, opened: Opened) {
    const { footer } = opened;
    this.path = source.path;
    this.bytes = source.bytes;
    this.footerBytes = opened.footerBytes;
    this.footerChecksum = opened.checksum;
    this.endAt = footer.sections[0]?.at ?? opened.at;
    this.database = footer.database;
    this.retentionPolicy = footer.retentionPolicy;
    this.measurement = footer.measurement;
    this.position = footer.position;
    this.base = footer.base;
    this.rows = footer.rows;
    this.series = footer.series;
    this.chunks = footer.chunks;
    this.minTime = footer.base + BigInt(footer.minOffset);
    this.maxTime = footer.base + BigInt(footer.maxOffset);
    this.fields = new Map(footer.fields.map(({ name, type }) => [name, type]));
    this.#source = source;
    this.#codec = codec;
    this.#cache = cache;
    this.#id = number;
    this.#footer = footer;
    this.#table = new ChunkTable(footer);
  }

  /**
   * `number` is what the cache has registered for the bucket: a bucket that is opened again finds its blocks. StorageError `corrupt` with
   * path and offset where the bytes are not as they were written. A reader holds nothing that would have to be closed.
   */
  static open(source: BucketSource, codec: BucketCodec, cache: BlockCache, number: number): BucketReader {
    return new BucketReader(source, codec, cache, number, readEnds(source, codec.checksum));
  }

  /** All keys, index = bucket series number; read and decoded at each call, not kept. */
  seriesKeys(): TextDictionary {
    return concatenated(this.#footer.sections.map((section) => this.#keys(section, section.series)));
  }

  /** Series of every key section but the last. */
  get sectionSeries(): number {
    return this.#footer.sections[0]?.series ?? 1;
  }

  /** The keys of some series that follow each other; read and decoded at each call, not kept. */
  keySection(section: number): TextDictionary {
    const place = this.#footer.sections[section];
    return this.#keys(place, place.series);
  }

  /** Where a key stands in a section, −1 = it does not. Nothing is kept. */
  placeIn(section: number, key: Uint8Array): number {
    const place = this.#footer.sections[section];
    const words = this.#read([place], this.#source)[0];
    const arrays = this.#cache.takeArrays();
    const at = this.#decoded(place, () => placeOf(words, place.series, key, this.#codec.compression, arrays));
    this.#cache.giveArrays(arrays);
    return at;
  }

  /** The first key of each section. */
  firstKeys(): TextDictionary {
    const { firstKeys, sections } = this.#footer;
    return this.#kept(FIRST_KEYS, () => (sections.length === 0 ? NO_KEYS : this.#keys(firstKeys, sections.length)));
  }

  /** For who reads all of its bytes: what goes by is checked, but for the ends, which have been. */
  check(): BlockCheck {
    const { firstKeys, sections } = this.#footer;
    const blocks = [...this.#table.places(), firstKeys, ...sections].filter(({ length }) => length > 0);
    const once = new Map(blocks.map((place) => [place.at, place]));
    const ascending = [...once.values()].sort((a, b) => a.at - b.at);
    return new BlockCheck(this.path, ascending, this.#codec.checksum);
  }

  /**
   * Blocks come by series, then time; each holds until the next is asked for, if not asked otherwise. Throws StorageError `corrupt` where
   * it meets damage, after the blocks before it.
   */
  *scan(request: BucketScan, take?: TakeChunk): Generator<Block> {
    const fields = this.#table.fieldsNamed(request.fields);
    yield* this.#scanNear(this.#left(request, fields, take), request, fields);
  }

  /**
   * As `scan`, for who can wait: a large one reads ahead, and its blocks hold no longer when the scan is left. A promise has to be kept
   * before the next step is asked for.
   */
  *scanAhead(request: BucketScan, take?: TakeChunk): Generator<Block | Promise<void>> {
    const fields = this.#table.fieldsNamed(request.fields);
    const chunks = [...this.#left(request, fields, take)];
    if (chunks.length <= CACHED_CHUNKS_MAX || this.#source.read === undefined) {
      yield* this.#scanNear(chunks, request, fields);
      return;
    }
    const arrays = this.#cache.takeNearArrays();
    const groups = this.#table.groups(chunks, fields, FIRST_BYTES, AHEAD_BYTES_MAX, true);
    const into = { isKept: false, arrays: request.lasting ? null : arrays };
    const coming: ComingGroup[] = [];
    try {
      yield* this.#scanGroups(groups, request, fields, into, nearReads(this.#source, arrays), AHEAD_GROUPS, coming);
    } finally {
      // what is still being read is read into them
      if (coming.length === 0) this.#cache.giveNearArrays(arrays);
      else void Promise.allSettled(coming.map(({ blocks }) => blocks)).then(() => this.#cache.giveNearArrays(arrays));
    }
  }

  /** As `scan`, where the source has the ends only; promises as in `scanAhead`. `fetch` is told ascending places. */
  *scanFar(request: BucketScan, fetch: FetchBlocks, take?: TakeChunk): Generator<Block | Promise<void>> {
    const fields = this.#table.fieldsNamed(request.fields);
    const chunks = [...this.#left(request, fields, take)];
    const isKept = !request.lasting && chunks.length <= CACHED_CHUNKS_MAX;
    const into = { isKept, arrays: isKept || request.lasting ? null : new ScanArrays(false) };
    const bytesMax = request.lasting ? FAR_LASTING_BYTES_MAX : FAR_BYTES_MAX;
    const groups = this.#table.groups(chunks, fields, bytesMax, bytesMax, false);
    yield* this.#scanGroups(groups, request, fields, into, fetch, 1);
  }

  /** Where the blocks are that `scan` would read, ascending, some MiB at a time. Reads nothing. */
  *places(request: BucketScan): Generator<readonly ByteRange[]> {
    const fields = this.#table.fieldsNamed(request.fields);
    const chunks = [...this.#table.candidates(request)];
    for (const { places } of this.#table.groups(chunks, fields, FAR_BYTES_MAX, FAR_BYTES_MAX, false)) yield places;
  }

  /** Of the chunks that may hold rows of the request, the wanted fields. Reads nothing. */
  *statistics(request: BucketScan): Generator<ChunkStatistics> {
    const fields = this.#table.fieldsNamed(request.fields);
    for (const chunk of this.#table.candidates(request)) yield this.#table.statistics(chunk, fields);
  }

  /** Times and rows of the chunks that may hold rows of the request. Reads nothing. */
  extents(request: BucketScan, each: (minTime: bigint, maxTime: bigint, rows: number) => void): void {
    const table = this.#table;
    for (const chunk of table.candidates(request)) {
      const rows = Math.ceil(table.rows(chunk) * table.shareOf(chunk, request));
      each(this.base + BigInt(table.minOffset(chunk)), this.base + BigInt(table.maxOffset(chunk)), rows);
    }
  }

  /** The greatest key, alone. */
  lastKey(): TextDictionary {
    const last = this.#footer.sections.length - 1;
    return this.#kept(LAST_KEY, () => {
      const keys = this.keySection(last);
      return TextDictionary.ofBytes([keys.bytes.subarray(keys.offsets[keys.size - 1], keys.offsets[keys.size])]);
    });
  }

  // private functions

  /** The chunks that have to be read. */
  *#left(request: BucketScan, fields: readonly number[], take?: TakeChunk): Generator<number> {
    for (const chunk of this.#table.candidates(request)) {
      if (take === undefined || !this.#isTaken(chunk, request, fields, take)) yield chunk;
    }
  }

  *#scanNear(chunks: Iterable<number>, request: BucketScan, fields: readonly number[]): Generator<Block> {
    const scan = this.#begun(request, fields, this.#cache);
    const { lasting = false } = request;
    let arrays: ScanArrays | null = null;
    let count = 0;
    for (const chunk of chunks) {
      const isKept = !lasting && ++count <= CACHED_CHUNKS_MAX && this.#cache.admits(this.#id, this.#firstBlock(chunk));
      if (!isKept && !lasting) arrays ??= this.#cache.takeArrays();
      const into = { isKept, arrays: isKept ? null : arrays };
      const block = this.#scanChunk(chunk, scan, into, this.#source);
      if (block !== null) yield block;
    }
    if (arrays !== null) this.#cache.giveArrays(arrays);
  }

  /** `inMemory` groups at a time: one to be decoded, the others on their way. */
  *#scanGroups(
    groups: Generator<ChunkGroup>,
    request: BucketScan,
    fields: readonly number[],
    into: DecodeInto,
    fetch: FetchBlocks,
    inMemory: number,
    coming: ComingGroup[] = [],
  ): Generator<Block | Promise<void>> {
    // what is fetched anyway is not looked for in the cache, if it is not to be kept there
    const scan = this.#begun(request, fields, into.isKept ? this.#cache : null);
    for (;;) {
      for (let next = coming.length; next < inMemory; next++) {
        const group = groups.next();
        if (group.done) break;
        const blocks = fetch(group.value.places);
        // told to who waits for it, if anybody will
        blocks.catch(() => {});
        coming.push({ members: group.value.members, blocks });
      }
      const group = coming.at(0);
      if (group === undefined) return;
      let from: BlockSource = this.#source;
      yield group.blocks.then((source) => {
        from = source;
      });
      for (const chunk of group.members) {
        const block = this.#scanChunk(chunk, scan, into, from);
        if (block !== null) yield block;
      }
      coming.shift();
    }
  }

  #begun(request: BucketScan, fields: readonly number[], cache: BlockCache | null): Scan {
    const times = this.#table.offsetsOf(request);
    const blocks = blocksOf(fields);
    return { request, fields, blocks, ...times, pieces: new Pieces(cache, this.#id), shared: new SharedTimes() };
  }

  #keys(place: Place, count: number): TextDictionary {
    const words = this.#read([place], this.#source)[0];
    return this.#decoded(place, () => decodeKeys(words, count, this.#codec.compression));
  }

  /** From the cache, else made and put there. */
  #kept(name: number, make: () => TextDictionary): TextDictionary {
    const known = this.#cache.get(this.#id, name) as TextDictionary | undefined;
    if (known !== undefined) return known;
    const keys = make();
    this.#cache.set(this.#id, name, keys, keys.bytes.byteLength + keys.offsets.byteLength);
    return keys;
  }

  /** One series, whole in the request's times, and its reader wants no more than its statistics. */
  #isTaken(chunk: number, request: BucketScan, fields: readonly number[], take: TakeChunk): boolean {
    const table = this.#table;
    const series = table.firstSeries(chunk);
    const { low, high } = table.offsetsOf(request);
    if (table.lastSeries(chunk) !== series || table.minOffset(chunk) < low || table.maxOffset(chunk) > high)
      return false;
    const shown = request.map === null ? series : request.map(series);
    return take({ ...table.statistics(chunk, fields), series: shown, base: this.base });
  }

  #scanChunk(chunk: number, scan: Scan, { isKept, arrays }: DecodeInto, from: BlockSource): Block | null {
    const { request, low, high, pieces, shared } = scan;
    const rows = this.#table.rows(chunk);
    const { fields, blocks } = this.#present(chunk, scan);
    if (fields.length === 0) return null;
    const isSingle = this.#table.length(chunk, RUNS_AT) === 0;
    pieces.begin(this.#firstBlock(chunk), isKept);
    arrays?.nextChunk(TIMES);
    const isInside = this.#table.minOffset(chunk) >= low && this.#table.maxOffset(chunk) <= high;
    // Nothing is to be found out before the values are read where the chunk has one series, or all are wanted, or one that is listed, and all of its times
    // are wanted: everything comes in one go.
    const isWanted = isSingle || (isInside && !(request.series instanceof Uint8Array));
    const timesAt = this.#table.place(chunk, TIMES_AT).at;
    const known = isSingle ? shared.at(timesAt) : undefined;
    if (known !== undefined) pieces.give(TIMES, known);
    const { first, values, all } = isSingle ? blocks.ofOne : blocks.ofSeveral;
    this.#fetch(chunk, isWanted ? all : first, scan, arrays, from);
    if (isSingle && known === undefined) shared.keep(timesAt, pieces.times);
    const runs = isSingle ? { series: Uint32Array.of(this.#table.firstSeries(chunk)), starts: ONE_START } : pieces.runs;
    const ranges = mergedRanges(runs, rows, request, isInside ? null : { times: pieces.times, low, high });
    if (ranges.length === 0) return null;
    if (!isWanted) this.#fetch(chunk, values, scan, arrays, from);
    const columns = new Map<string, Column>();
    for (const field of fields) columns.set(this.#footer.fields[field].name, pieces.get(field + FIELDS) as Column);
    return selectedBlock(this.base, rows, runs, request.map, pieces.times, columns, ranges, arrays);
  }

  /** Those of the wanted fields that the chunk has: mostly all. */
  #present(chunk: number, scan: Scan): Pick<Scan, 'fields' | 'blocks'> {
    let count = 0;
    for (const field of scan.fields) if (this.#table.length(chunk, fieldAt(field)) > 0) count++;
    if (count === scan.fields.length) return scan;
    const fields = scan.fields.filter((field) => this.#table.length(chunk, fieldAt(field)) > 0);
    return { fields, blocks: blocksOf(fields) };
  }

  /** The cache's number for the first block of a chunk. */
  #firstBlock(chunk: number): number {
    return chunk * (this.#footer.fields.length + FIELDS);
  }

  /** Brings blocks of a chunk into `pieces`: from the cache, else from the file. Times and fields need the runs, which come first. */
  #fetch(chunk: number, blocks: readonly number[], scan: Scan, arrays: ScanArrays | null, from: BlockSource): void {
    const { pieces } = scan;
    const missing: number[] = [];
    const places: Place[] = [];
    for (const block of blocks) {
      if (pieces.find(block)) continue;
      missing.push(block);
      places.push(this.#table.place(chunk, blockAt(block)));
    }
    const read = this.#read(places, from);
    let i = 0;
    try {
      for (; i < read.length; i++) this.#decodeBlock(chunk, missing[i], read[i], scan, arrays);
    } catch (error) {
      throw this.#undecodable(places[i], error as Error);
    }
  }

  #decodeBlock(chunk: number, block: number, words: Uint32Array, scan: Scan, arrays: ScanArrays | null): void {
    const { pieces, shared } = scan;
    const rows = this.#table.rows(chunk);
    if (block === RUNS) {
      pieces.add(block, decodeRuns(words), 16 * rows);
    } else if (block !== TIMES) {
      const { starts } = pieces;
      const decode = (): Column => decodeColumn(words, rows, starts, this.#codec.compression, arrays?.target(block));
      const packed = arrays?.packed(block, words) ?? null;
      if (packed !== null && loadPacked(words, rows, starts, packed, decode)) pieces.give(block, packed);
      else {
        const column = decode();
        pieces.add(block, column, columnBytes(column));
      }
    } else if (this.#table.length(chunk, RUNS_AT) === 0) {
      // of one series: the chunks that follow may share them
      pieces.add(block, decodeTimes(words, rows, pieces.starts), 8 * rows);
    } else {
      const { starts } = pieces;
      const known = shared.repeated(words, rows, starts);
      const times = known ?? decodeTimes(words, rows, starts, arrays?.target(block));
      if (known === null) shared.remember(words, starts, times);
      pieces.add(block, times, 8 * rows);
    }
  }

  /** The words of some blocks of ascending places, checked; valid until the next read of any reader that shares the cache. */
  #read(places: readonly Place[], from: BlockSource): Uint32Array[] {
    const words: Uint32Array[] = [];
    while (from.view !== undefined && words.length < places.length) {
      const place = places[words.length];
      const block = from.view(place.at, place.length);
      if (block === null) break;
      words.push(this.#checked(place, block));
    }
    if (words.length < places.length) this.#readSpans(places.slice(words.length), from, words);
    return words;
  }

  #readSpans(places: readonly Place[], from: BlockSource, words: Uint32Array[]): void {
    const spans = spansOf(places);
    const bytes = this.#cache.scratch(spans.reduce((sum, { length }) => sum + length, 0));
    let start = 0;
    for (const { first, last, length } of spans) {
      const begin = start - places[first].at;
      this.#readInto(bytes.subarray(start, start + length), places[first].at, from);
      for (let i = first; i <= last; i++) {
        const { at, length: blockBytes } = places[i];
        words.push(this.#checked(places[i], bytes.subarray(begin + at, begin + at + blockBytes)));
      }
      start += length;
    }
  }

  #checked({ at, length, checksum }: Place, block: Uint8Array): Uint32Array {
    this.blocksRead++;
    this.#cache.blocksRead++;
    this.#cache.blockBytesRead += length;
    if (this.#codec.checksum(block) !== checksum) throw corrupt(this.path, at, 'a block is damaged');
    return new Uint32Array(block.buffer, block.byteOffset, length >>> 2);
  }

  #readInto(target: Uint8Array, at: number, from: BlockSource): void {
    const n = from.readSync(target, at);
    if (n < target.length) throw corrupt(this.path, at + n, 'the file ends inside a block');
  }

  /** Decoding what has passed its checksum fails only where writer and reader disagree. */
  #decoded<T>(place: Place, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      throw this.#undecodable(place, error as Error);
    }
  }

  #undecodable({ at }: Place, error: Error): Error {
    return corrupt(this.path, at, error.message, error);
  }
}

// private functions

/** Chunks whose blocks are on their way. */
interface ComingGroup {
  readonly members: readonly number[];
  readonly blocks: Promise<BlockSource>;
}

/** What a scan has from chunk to chunk. */
interface Scan {
  readonly request: BucketScan;
  /** Numbers of those wanted. */
  readonly fields: readonly number[];
  readonly blocks: FieldBlocks;
  /** Times wanted, as offsets. */
  readonly low: number;
  readonly high: number;
  readonly pieces: Pieces;
  readonly shared: SharedTimes;
}

/** Blocks of a chunk of one series, and of several, by what is read first. */
interface FieldBlocks {
  readonly ofOne: BlockOrder;
  readonly ofSeveral: BlockOrder;
}

/** What tells of rows which are wanted, what has their values; both together. */
interface BlockOrder {
  readonly first: readonly number[];
  readonly values: readonly number[];
  readonly all: readonly number[];
}

function blocksOf(fields: readonly number[]): FieldBlocks {
  const values = fields.map((field) => field + FIELDS);
  const order = (...first: number[]): BlockOrder => ({ first, values, all: [...first, ...values] });
  return { ofOne: order(TIMES), ofSeveral: order(RUNS, TIMES) };
}

/** Whether what is decoded goes into the cache; null = arrays of its own. */
interface DecodeInto {
  readonly isKept: boolean;
  readonly arrays: ScanArrays | null;
}

function blockAt(block: number): number {
  if (block === RUNS) return RUNS_AT;
  return block === TIMES ? TIMES_AT : fieldAt(block - FIELDS);
}
