/**
 * Writer: a body of line protocol → envelopes in the streams of the shards it concerns. One per worker; any worker can take any
 * body, since what belongs to a shard elsewhere is handed over as bytes to the worker that owns it.
 *
 * Decoding is synchronous and its batches lean on the decoder's buffers, so they are encoded before anything is awaited. Fields
 * that nobody knew are declared to the authority on the main thread first, and the body is decoded again with what it said.
 */
import {
  type Batch,
  batchBytes,
  type Checksum,
  type ControlEntry,
  ENVELOPE_HEADER_BYTES,
  encodeBatches,
  encodeControl,
  splitBatch,
} from '../../model/index.ts';
import {
  type Decoded,
  describeErrors,
  type FieldTypes,
  type FieldVerdict,
  type LineDecoder,
  type NewField,
} from '../ingest/index.ts';
import type { PublishCall, WriteCall, WriteResult } from './messages.ts';

/** A message is closed before it grows past this, and never past what the broker takes. */
const MESSAGE_BYTES_TARGET = 4 * 1024 * 1024;
/** Rounds of decode and declare: types are fixed after one, a racing writer may cost another. */
const DECODE_ROUNDS_MAX = 4;

export interface ShardAddress {
  readonly generation: number;
  readonly messageBytesMax: number;
  /** Resolves with the message's sequence: in the stream, or applied where `wait` says so. */
  publish(call: PublishCall): Promise<number>;
}

export interface WriterOptions {
  readonly decoder: LineDecoder;
  readonly fieldTypes: FieldTypes;
  readonly declare: (database: string, retentionPolicy: string, fields: readonly NewField[]) => Promise<FieldVerdict>;
  /** Index = shard. */
  readonly shards: readonly ShardAddress[];
  readonly producer: number;
  readonly checksum: Checksum;
}

export class Writer {
  readonly #options: WriterOptions;
  /** Last message number, by shard. */
  readonly #numbers: Float64Array;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#numbers = new Float64Array(options.shards.length);
  }

  async write(call: WriteCall): Promise<WriteResult> {
    const decoded = await this.#decode(call);
    const messages = decoded.batches.flatMap((batches, shard) => this.#messages(shard, batches, call.wait));
    const batches = decoded.batches.reduce((n, list) => n + list.length, 0);
    const message = describeErrors(decoded);
    const unparsed = decoded.unparsed === decoded.lines;
    const sequences = await Promise.all(messages.map((m) => this.#options.shards[m.shard].publish(m)));
    const positions = messages.map((m, i) => ({
      shard: m.shard,
      generation: this.#options.shards[m.shard].generation,
      sequence: sequences[i],
    }));
    return {
      positions,
      rows: decoded.rows,
      batches,
      rejected: decoded.unparsed + decoded.refused,
      message: message === '' ? null : message,
      unparsed: unparsed && message !== '',
    };
  }

  /** Puts an entry into the stream of one shard; resolves when it is applied. */
  control(shard: number, entry: ControlEntry): Promise<number> {
    const address = this.#address(shard);
    const message = encodeControl(address, entry, this.#options.checksum);
    return this.#options.shards[shard].publish({ shard, message, id: address, wait: true });
  }

  // private functions

  async #decode(call: WriteCall): Promise<Decoded> {
    const { decoder, fieldTypes, declare } = this.#options;
    for (let round = 1; ; round++) {
      const decoded = decoder.decode(call.body, { ...call, fieldTypes });
      if (decoded.newFields.length === 0 || round === DECODE_ROUNDS_MAX) return decoded;
      fieldTypes.learn(decoded.newFields, await declare(call.database, call.retentionPolicy, decoded.newFields));
    }
  }

  /** Envelopes of one shard: as few as the greatest size of a message allows. */
  #messages(shard: number, batches: readonly Batch[], wait: boolean): PublishCall[] {
    const room = Math.min(MESSAGE_BYTES_TARGET, this.#options.shards[shard].messageBytesMax) - ENVELOPE_HEADER_BYTES;
    const messages: PublishCall[] = [];
    let open: Batch[] = [];
    let bytes = 0;
    const close = (): void => {
      if (open.length === 0) return;
      const id = this.#address(shard);
      messages.push({ shard, message: encodeBatches(id, open, this.#options.checksum), id, wait });
      open = [];
      bytes = 0;
    };
    for (const batch of batches.flatMap((b) => splitBatch(b, room))) {
      const size = batchBytes(batch);
      if (bytes + size > room) close();
      open.push(batch);
      bytes += size;
    }
    close();
    return messages;
  }

  #address(shard: number): { producer: number; number: number; shard: number; generation: number } {
    const { producer, shards } = this.#options;
    return { producer, number: ++this.#numbers[shard], shard, generation: shards[shard].generation };
  }
}
