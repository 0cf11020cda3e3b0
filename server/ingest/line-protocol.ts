/**
 * Line protocol to columnar batches per shard. One decoder lives on each decoding thread; it waits for nothing and reads no clock.
 *
 * Two ways through a line. The fast way (`#fast`) knows the line already: its tag set is found as raw bytes in `KnownSeries`, its
 * field names are compared with those that followed last time, values go through no strings. Whatever it does not know, or finds
 * odd, it gives back untouched, and the line is read by the book (`line-scan.ts`), which teaches the fast way or says what is
 * wrong. Both end in `#commit`: a line is in the columns wholly or not at all.
 *
 * The decoder owns the columns it gives out: they hold until it decodes again. Its memory of series and fields is bounded; full,
 * it forgets all between two bodies. It does not publish, declare fields or route.
 *
 * The file is longer than most because the fast way is one loop: calls and objects between its steps would cost more than they do.
 */
import { isUtf8 } from 'node:buffer';
import { type Batch, FIELD_TYPES, floorDiv, NS_PER } from '../../model/index.ts';
import { BatchBuilder, KIND, SPAN_NS, SPAN_SECONDS } from './batch-builder.ts';
import { CanonicalSpelling } from './canonical-spelling.ts';
import { readLong, readText, scaleShort } from './decimal.ts';
import type { Decoded, DecodeRequest, LineDecoderOptions } from './decoded.ts';
import { IngestError } from './errors.ts';
import type { NewField } from './field-types.ts';
import { KnownSeries } from './known-series.ts';
import { INGEST_LIMITS, type IngestLimits } from './limits.ts';
import { LineErrors } from './line-errors.ts';
import { type ScannedPoint, scanLine, scanPoint, skipBlanks, unescapeString } from './line-scan.ts';
import { MeasurementMemory, UNKNOWN_KIND } from './measurements.ts';
import { booleanLength, readDigits } from './plain-values.ts';
import { UNITS } from './precision.ts';
import { addPlain, entryOf, localSeries, type Scopes } from './series-entries.ts';
import { SeriesLists } from './series-lists.ts';
import type { Allocation, TextBuilder } from './text-builder.ts';

const COMMA = 44;
const SPACE = 32;
const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const BACKSLASH = 92;
const NS = 1e9;
/** Seconds beyond which a time is checked exactly. */
const SECONDS_SURE = 9_223_372_035;
/** Fields a decoder remembers over all measurements, … */
const REMEMBERED_FIELDS_MAX = 1_000_000;
/** … a measurement itself costing as much as so many. */
const MEASUREMENT_WEIGHT = 8;

const NOTHING: Uint8Array = new Uint8Array(0);
const NOTHING_VIEW: DataView = new DataView(NOTHING.buffer);

const decoder = new TextDecoder();

export class LineDecoder {
  readonly #shards: number;
  readonly #limits: IngestLimits;
  #known = new KnownSeries();
  /** null = keys are not packed. */
  readonly #lists: SeriesLists | null;
  readonly #spelling = new CanonicalSpelling();
  #measurements: MeasurementMemory[] = [];
  /** Scope of each measurement, beside them for `KnownSeries.find`. */
  #scopeOf: number[] = [];
  #byScope = new Map<string, { id: number; byName: Map<string, MeasurementMemory> }>();
  #remembered = 0;
  readonly #allocation: Allocation = { bytes: 0 };
  /** Fields of the line at hand: slot, value, and where a string lies. */
  readonly #slot: Int32Array;
  readonly #value: Float64Array;
  readonly #wide: (bigint | null)[];
  readonly #from: Uint32Array;
  readonly #to: Uint32Array;
  #unescaped = new Uint8Array(1024);
  #bodies = 0;
  #batchNumbers = 0;
  // of the body at hand
  #body: Uint8Array = NOTHING;
  #view: DataView = NOTHING_VIEW;
  #request!: DecodeRequest;
  #scope!: { id: number; byName: Map<string, MeasurementMemory> };
  #fastEnd = 0;
  #utf8 = true;
  #line = 1;
  #last = -1;
  #nowSeconds = 0;
  #nowNanos = 0;
  #lines = 0;
  #rows = 0;
  #cells = 0;
  #met = 0;
  #open: BatchBuilder[] = [];
  #errors: LineErrors;
  #newFields: NewField[] = [];

  constructor(options: LineDecoderOptions) {
    this.#shards = options.shards;
    this.#limits = { ...INGEST_LIMITS, ...options.limits };
    this.#lists = options.compression === undefined ? null : new SeriesLists(options.compression);
    this.#errors = new LineErrors(this.#limits);
    const fields = this.#limits.fieldsPerPointMax;
    this.#slot = new Int32Array(fields);
    this.#value = new Float64Array(fields);
    this.#wide = new Array<bigint | null>(fields).fill(null);
    this.#from = new Uint32Array(fields);
    this.#to = new Uint32Array(fields);
  }

  /** Throws IngestError `too large`; nothing else: bad lines are listed. */
  decode(body: Uint8Array, request: DecodeRequest): Decoded {
    return this.slices(body, request, Number.POSITIVE_INFINITY).next().value as Decoded;
  }

  /** The same, stopping whenever it has read so many bytes. Nothing else may be decoded before it has come to its end. */
  *slices(body: Uint8Array, request: DecodeRequest, sliceBytes: number): Generator<undefined, Decoded> {
    const { bodyBytesMax } = this.#limits;
    if (body.length > bodyBytesMax) {
      throw new IngestError('too large', `body of ${body.length} bytes, at most ${bodyBytesMax} are taken`);
    }
    this.#begin(body, request);
    const behind = request.bytesBehindNewField ?? body.length;
    let at = 0;
    let to = body.length;
    for (let stop = sliceBytes; at < to; ) {
      if (body[at] === NEWLINE) {
        at++;
        this.#line++;
        continue;
      }
      const end = at < this.#fastEnd ? this.#fast(at) : -1;
      at = end >= 0 ? end : this.#slow(at);
      if (this.#newFields.length > 0) to = Math.min(to, at + behind);
      if (at >= stop) {
        yield;
        stop = at + sliceBytes;
      }
    }
    return this.#finish();
  }

  // private functions

  #begin(body: Uint8Array, request: DecodeRequest): void {
    const { knownSeriesMax, knownSeriesBytesMax, keptBytesMax } = this.#limits;
    const full = this.#known.size >= knownSeriesMax || this.#known.bytesUsed >= knownSeriesBytesMax;
    if (this.#remembered > REMEMBERED_FIELDS_MAX) this.#forget();
    else if (full) this.#forgetSeries();
    if (this.#allocation.bytes > keptBytesMax) {
      for (const measurement of this.#measurements) measurement.builders = [];
      this.#allocation.bytes = 0;
    }
    this.#body = body;
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.#request = request;
    const scope = `${request.database}\0${request.retentionPolicy}`;
    let found = this.#byScope.get(scope);
    if (found === undefined) this.#byScope.set(scope, (found = { id: this.#byScope.size, byName: new Map() }));
    this.#scope = found;
    this.#utf8 = isUtf8(body);
    this.#fastEnd = this.#utf8 ? body.lastIndexOf(NEWLINE) + 1 : 0;
    const now =
      request.now -
      (((request.now % NS_PER[request.precision]) + NS_PER[request.precision]) % NS_PER[request.precision]);
    this.#nowSeconds = Number(floorDiv(now, 1_000_000_000n));
    this.#nowNanos = Number(now - BigInt(this.#nowSeconds) * 1_000_000_000n);
    this.#bodies++;
    this.#line = 1;
    this.#last = -1;
    this.#lines = this.#rows = this.#cells = this.#met = 0;
    this.#open = [];
    this.#errors = new LineErrors(this.#limits);
    this.#newFields = [];
  }

  #forget(): void {
    this.#forgetSeries();
    this.#measurements = [];
    this.#scopeOf = [];
    this.#byScope.clear();
    this.#remembered = 0;
  }

  #forgetSeries(): void {
    this.#lists?.forget();
    if (this.#known.size > 2 * this.#limits.knownSeriesMax) this.#known = new KnownSeries();
    else this.#known.clear();
  }

  #finish(): Decoded {
    const batches: Batch[][] = Array.from({ length: this.#shards }, () => []);
    for (const builder of this.#open) {
      if (builder.rows > 0) batches[builder.shard].push(builder.finish(this.#known, this.#lists));
    }
    this.#body = NOTHING;
    this.#view = NOTHING_VIEW;
    return {
      batches,
      rows: this.#rows,
      lines: this.#lines,
      errors: this.#errors.listed,
      unparsed: this.#errors.unparsedCount,
      refused: this.#errors.refusedCount,
      newFields: this.#newFields,
    };
  }

  /** Reads the line at `start`; the position behind its newline, or −1 where it has to be read by the book. Below `#fastEnd` only. */
  #fast(start: number): number {
    const body = this.#body;
    const known = this.#known;
    let p = start;
    let id = this.#last >= 0 ? known.successor[this.#last] : -1;
    if (id >= 0 && known.spells(id, this.#view, start, this.#fastEnd)) p = start + known.lengthOf(id);
    else {
      const hash = known.scan(this.#view, start, this.#scope.id);
      p = known.scanEnd;
      if (p < 0) return -1;
      id = known.find(this.#view, start, p, hash, this.#scope.id, this.#scopeOf);
      if (id < 0) {
        const nameEnd = this.#spelling.read(body, start, p);
        const m = nameEnd < 0 ? undefined : this.#measurementAt(start, nameEnd);
        if (m !== undefined) id = addPlain(known, m, body, start, nameEnd, p, hash, this.#spelling, this.#scopes());
      }
      if (id < 0) return -1;
      if (this.#last >= 0) known.successor[this.#last] = id;
    }
    const m = this.#measurements[known.measurement[id]];
    if (m.body !== this.#bodies && !this.#meet(m)) return -1;
    const { next, kinds, nameView, nameFrom, nameTo } = m;
    const view = this.#view;
    const slots = this.#slot;
    const values = this.#value;
    const fieldsMax = slots.length;
    let newlines = 0;
    let n = 0;
    let previous = 0;
    let c = 0;
    while (body[++p] === SPACE);
    for (;;) {
      let slot = next[previous];
      let q = p;
      if (slot >= 0) {
        const from = nameFrom[slot];
        const length = nameTo[slot] - from;
        q = p + length;
        const last = length - 4;
        if (last >= 0 && q <= this.#fastEnd) {
          let i = 0;
          while (i < last && nameView.getInt32(from + i, true) === view.getInt32(p + i, true)) i += 4;
          if (i < last || nameView.getInt32(from + last, true) !== view.getInt32(p + last, true)) slot = -1;
        } else if (!m.spells(slot, body, p)) slot = -1;
      }
      if (slot < 0) {
        slot = m.findSpelling(body, p);
        if (slot < 0) return -1;
        next[previous] = slot;
        q = p + nameTo[slot] - nameFrom[slot];
      }
      if (n === fieldsMax) return -1;
      previous = slot + 1;
      p = q;
      c = body[p];
      const kind = kinds[slot];
      if (kind <= KIND.UNSIGNED) {
        if (kind < 0) return -1;
        let negative = false;
        if (c === 45) {
          negative = true;
          c = body[++p];
        }
        const from = p;
        let v = 0;
        let d = c - 48;
        while (d >= 0 && d <= 9) {
          v = v * 10 + d;
          d = body[++p] - 48;
        }
        c = d + 48;
        if (kind !== KIND.FLOAT) {
          const count = p - from;
          if (c !== (kind === KIND.INTEGER ? 105 : 117) || count === 0 || count > 15) return -1;
          if (negative) {
            if (kind === KIND.UNSIGNED) return -1;
            v = 0 - v;
          }
          c = body[++p];
        } else {
          let digits = p - from;
          let count = digits;
          let fraction = 0;
          if (c === 46) {
            const point = p;
            d = body[++p] - 48;
            while (d >= 0 && d <= 9) {
              v = v * 10 + d;
              d = body[++p] - 48;
            }
            c = d + 48;
            fraction = p - point - 1;
            digits += fraction;
            count = digits;
          }
          if (digits === 0) return -1;
          if (c === 101 || c === 69) {
            let e = p + 1;
            const sign = body[e];
            if (sign === 45 || sign === 43) e++;
            let exponent = 0;
            const exponentFrom = e;
            while (body[e] >= 48 && body[e] <= 57) exponent = exponent * 10 + body[e++] - 48;
            if (e === exponentFrom || e - exponentFrom > 3) return -1;
            v = scaleShort(v, digits, (sign === 45 ? -exponent : exponent) - fraction);
            if (Number.isNaN(v)) v = readText(body, from, e);
            if (v === Number.POSITIVE_INFINITY) return -1;
            p = e;
            c = body[p];
          } else if (digits > 15) {
            for (let i = from; i < p && (body[i] === 48 || body[i] === 46); i++) if (body[i] === 48) count--;
            v = readLong(body, from, p, count, fraction);
          } else if (fraction > 0) v = scaleShort(v, 1, -fraction);
          if (negative) v = -v;
        }
        values[n] = v;
      } else if (kind === KIND.BOOLEAN) {
        const length = booleanLength(body, p, c);
        if (length === 0) return -1;
        values[n] = c === 116 || c === 84 ? 1 : 0;
        p += length;
        c = body[p];
      } else {
        if (c !== QUOTE) return -1;
        const from = ++p;
        let escaped = 0;
        for (c = body[p]; c !== QUOTE; c = body[++p]) {
          if (c === BACKSLASH) {
            escaped = 1;
            if (body[++p] === NEWLINE) newlines++;
          } else if (c === NEWLINE) newlines++;
          if (p >= this.#fastEnd) return -1;
        }
        this.#from[n] = from;
        this.#to[n] = p;
        values[n] = escaped;
        c = body[++p];
      }
      slots[n++] = slot;
      if (c !== COMMA) break;
      p++;
    }
    // a value that goes on is no value, though a time may stand behind it
    if (c > SPACE) return -1;
    while (c === SPACE) c = body[++p];
    let seconds = this.#nowSeconds;
    let nanos = this.#nowNanos;
    if (c >= 48 && c <= 57) {
      const from = p;
      do c = body[++p];
      while (c >= 48 && c <= 57);
      const digits = p - from;
      const { precision } = this.#request;
      if (precision === 'ns' && digits > 9 && digits <= 19) {
        seconds = readDigits(body, from, p - 9);
        nanos = readDigits(body, p - 9, p);
      } else {
        const t = readDigits(body, from, p);
        if (digits > 16 || t > Number.MAX_SAFE_INTEGER) return -1;
        const { perSecond, secondsEach } = UNITS[precision];
        seconds = perSecond > 0 ? Math.floor(t / perSecond) : t * secondsEach;
        nanos = perSecond > 0 ? (t - seconds * perSecond) * (NS / perSecond) : 0;
      }
      if (seconds > SECONDS_SURE) return -1;
      while (c === SPACE) c = body[++p];
    }
    if (c === RETURN) c = body[++p];
    if (c !== NEWLINE || p - start > this.#limits.lineBytesMax) return -1;
    this.#lines++;
    this.#commit(m, id, n, seconds, nanos);
    this.#line += 1 + newlines;
    this.#last = id;
    return p + 1;
  }

  /** Reads the line at `start` by the book; the position behind it. */
  #slow(start: number): number {
    const body = this.#body;
    const lineEnd = scanLine(body, start);
    const line = this.#line;
    let newlines = 1;
    for (let i = body.indexOf(NEWLINE, start); i >= 0 && i < lineEnd; i = body.indexOf(NEWLINE, i + 1)) newlines++;
    let end = lineEnd;
    // An open quote has taken the last newline in.
    if (end === body.length && end > start && body[end - 1] === NEWLINE) end--;
    if (end > start && body[end - 1] === RETURN) end--;
    const from = skipBlanks(body, start, end);
    if (from < end && body[from] !== 35) {
      this.#lines++;
      const problem = this.#readByTheBook(from, end);
      if (problem !== '') this.#errors.unparsed(line, body.subarray(from, end), problem);
    }
    this.#line = line + newlines;
    return lineEnd + 1;
  }

  #readByTheBook(from: number, end: number): string {
    const { lineBytesMax } = this.#limits;
    if (end - from > lineBytesMax) return `line too long: ${end - from} > ${lineBytesMax} bytes`;
    if (!this.#utf8 && !isUtf8(this.#body.subarray(from, end))) return 'invalid UTF-8';
    const point = scanPoint(this.#body, from, end, this.#request.precision, this.#limits);
    if (typeof point === 'string') return point;
    const refusal = this.#take(point, from);
    if (refusal !== '') this.#errors.refused(this.#line, refusal);
    return '';
  }

  /** Learns what is new in a well-formed point and commits it; else says why it is refused. */
  #take(point: ScannedPoint, from: number): string {
    const { measurement: name, tags } = point;
    if (tags.some(([key]) => key === 'time')) {
      return `invalid tag key: input tag "time" on measurement "${name}" is invalid`;
    }
    const fields = point.fields.filter((field) => field.name !== 'time');
    if (fields.length === 0) return `invalid field name: input field "time" on measurement "${name}" is invalid`;
    const m = this.#measurement(name);
    if (m.body !== this.#bodies && !this.#meet(m)) {
      return `too many measurements in one request: more than ${this.#limits.measurementsPerBodyMax}`;
    }
    const assumed = new Map<string, number>();
    for (const field of fields) {
      const kind = assumed.get(field.name) ?? m.kindOf(field.name);
      if (kind === UNKNOWN_KIND) {
        if (m.full) return `too many fields: measurement "${name}" takes no more, input field "${field.name}" is new`;
        assumed.set(field.name, field.kind);
      } else if (kind !== field.kind) {
        return `field type conflict: input field "${field.name}" on measurement "${name}" is type ${FIELD_TYPES[field.kind]}, already exists as type ${FIELD_TYPES[kind]}`;
      }
    }
    if (this.#newFields.length + assumed.size > this.#limits.newFieldsPerBodyMax) {
      return `too many new fields in one request: more than ${this.#limits.newFieldsPerBodyMax}`;
    }
    for (const [field, kind] of assumed) {
      const slot = m.slotOf(field);
      m.kinds[slot] = kind;
      m.assumed = true;
      this.#remembered++;
      this.#newFields.push({ measurement: name, field, type: FIELD_TYPES[kind] });
    }
    fields.forEach((field, i) => {
      const slot = m.slotOf(field.name);
      m.learnSpelling(slot, this.#body, field.rawFrom, field.rawTo);
      this.#slot[i] = slot;
      this.#from[i] = field.from;
      this.#to[i] = field.to;
      this.#value[i] = field.kind === KIND.STRING ? 1 : field.value;
      this.#wide[i] = field.wide;
    });
    const id = entryOf(this.#known, m, this.#view, from, point.keyTo, tags, this.#scopes());
    let seconds = this.#nowSeconds;
    let nanos = this.#nowNanos;
    if (point.time !== null) {
      const whole = floorDiv(point.time, 1_000_000_000n);
      seconds = Number(whole);
      nanos = Number(point.time - whole * 1_000_000_000n);
    }
    this.#commit(m, id, fields.length, seconds, nanos);
    for (let i = 0; i < fields.length; i++) this.#wide[i] = null;
    if (this.#last >= 0) this.#known.successor[this.#last] = id;
    this.#last = id;
    return '';
  }

  #scopes(): Scopes {
    return { scope: this.#scope.id, scopes: this.#scopeOf, shards: this.#shards };
  }

  #measurement(name: string): MeasurementMemory {
    let m = this.#scope.byName.get(name);
    if (m === undefined) {
      const { database, retentionPolicy } = this.#request;
      m = new MeasurementMemory(this.#measurements.length, database, retentionPolicy, name);
      this.#measurements.push(m);
      this.#scopeOf.push(this.#scope.id);
      this.#scope.byName.set(name, m);
      this.#remembered += MEASUREMENT_WEIGHT;
    }
    return m;
  }

  /** First line of a measurement in this body. False: there are too many of them. */
  #meet(m: MeasurementMemory): boolean {
    if (this.#met >= this.#limits.measurementsPerBodyMax) return false;
    this.#met++;
    m.begin(this.#bodies, this.#request.fieldTypes);
    for (const builder of m.builders) if (builder !== undefined) builder.rows = 0;
    return true;
  }

  /** The measurement whose name stands in the body, if the decoder knows it. */
  #measurementAt(from: number, to: number): MeasurementMemory | undefined {
    const last = this.#last < 0 ? undefined : this.#measurements[this.#known.measurement[this.#last]];
    if (last?.isSpelled(this.#body, from, to)) return last;
    return this.#scope.byName.get(decoder.decode(this.#body.subarray(from, to)));
  }

  /** Puts the line at hand, n fields, into the batch of its series and time. */
  #commit(m: MeasurementMemory, spelling: number, n: number, seconds: number, nanos: number): void {
    if (this.#rows >= this.#limits.pointsPerBodyMax) {
      this.#errors.refused(this.#line, `too many points in one request: more than ${this.#limits.pointsPerBodyMax}`);
      return;
    }
    if (this.#cells > this.#limits.cellsPerBodyMax) {
      this.#errors.refused(
        this.#line,
        'too many different fields in one request: send points with the same fields together',
      );
      return;
    }
    const known = this.#known;
    const series = known.main[spelling];
    const shard = known.shard[series];
    let batch = m.builders[shard];
    if (batch === undefined || batch.rows === 0) batch = this.#openBatch(m, shard, seconds);
    let offset = (seconds - batch.baseSeconds) * NS + nanos;
    if (offset < 0 || offset >= SPAN_NS) {
      batch = this.#otherBatch(m, shard, seconds);
      offset = (seconds - batch.baseSeconds) * NS + nanos;
    }
    const row = batch.rows;
    if (row >= batch.offsets.length) batch.grow();
    batch.series[row] = localSeries(known, batch, series);
    batch.offsets[row] = offset;
    if (offset < batch.minOffset) batch.minOffset = offset;
    if (offset > batch.maxOffset) batch.maxOffset = offset;
    const cellsBefore = batch.cells;
    const { bySlot } = batch;
    for (let k = 0; k < n; k++) {
      const slot = this.#slot[k];
      const column =
        (slot < bySlot.length ? bySlot[slot] : undefined) ?? batch.openColumn(slot, m.names[slot], m.kinds[slot]);
      if (this.#wide[k] === null && column.putPlain(row, this.#value[k])) continue;
      if (column.filled < row) column.skipTo(row);
      if (row >= column.capacity) column.grow(row);
      column.filled = row + 1;
      if (column.present !== null) column.present[row] = 1;
      const value = this.#value[k];
      if (column.kind <= KIND.UNSIGNED) {
        if (this.#wide[k] !== null) column.putWide(row, this.#wide[k]!);
        else if (column.wide !== null) column.wide[row] = BigInt(value);
        else column.doubles[row] = value;
      } else if (column.kind === KIND.BOOLEAN) column.flags[row] = value;
      else column.codes[row] = this.#internString(column.texts!, k, value === 1);
    }
    batch.rows = row + 1;
    batch.cells += batch.columns.length;
    batch.values += n;
    this.#cells += batch.cells - cellsBefore;
    this.#rows++;
    if (n !== batch.columns.length && batch.sparse) this.#closeBatch(m, batch);
  }

  #internString(texts: TextBuilder, k: number, escaped: boolean): number {
    const from = this.#from[k];
    const to = this.#to[k];
    if (!escaped) return texts.intern(this.#body, from, to);
    if (to - from > this.#unescaped.length) this.#unescaped = new Uint8Array(2 * (to - from));
    return texts.intern(this.#unescaped, 0, unescapeString(this.#body, from, to, this.#unescaped));
  }

  /** The first batch of a shard, of the buffers of the last body where there are some. */
  #openBatch(m: MeasurementMemory, shard: number, seconds: number): BatchBuilder {
    let batch = m.builders[shard];
    if (batch === undefined) {
      batch = new BatchBuilder(m, shard, this.#allocation);
      m.builders[shard] = batch;
      this.#allocation.bytes += 1024;
    }
    batch.reset(++this.#batchNumbers, seconds);
    this.#open.push(batch);
    return batch;
  }

  #otherBatch(m: MeasurementMemory, shard: number, seconds: number): BatchBuilder {
    m.others ??= new Map();
    const key = `${shard} ${Math.floor(seconds / SPAN_SECONDS)}`;
    let batch = m.others.get(key);
    if (batch === undefined) {
      batch = new BatchBuilder(m, shard, this.#allocation);
      batch.locals = new Map();
      batch.reset(++this.#batchNumbers, seconds);
      m.others.set(key, batch);
      this.#open.push(batch);
    }
    return batch;
  }

  /** Rows from here on go to a new batch. */
  #closeBatch(m: MeasurementMemory, batch: BatchBuilder): void {
    batch.bySlot = [];
    if (batch.locals === null) m.builders[batch.shard] = undefined;
    else m.others!.delete(`${batch.shard} ${Math.floor(batch.baseSeconds / SPAN_SECONDS)}`);
  }
}
