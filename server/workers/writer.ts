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
/** The authority's answer settles a body's fields in one round; a database dropped meanwhile may cost another. */
const DECLARE_ROUNDS_MAX = 8;

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
    let { decoded, messages } = this.#decode(call);
    for (let round = 1; decoded.newFields.length > 0; round++) {
      if (round > DECLARE_ROUNDS_MAX) throw new Error(`field types did not settle in ${DECLARE_ROUNDS_MAX} rounds`);
      const { fieldTypes, declare } = this.#options;
      fieldTypes.learn(decoded.newFields, await declare(call.database, call.retentionPolicy, decoded.newFields));
      ({ decoded, messages } = this.#decode(call));
    }
    const publishing = messages.map((message) => this.#options.shards[message.shard].publish(message));
    const message = describeErrors(decoded);
    const sequences = await Promise.all(publishing);
    return {
      positions: messages.map(({ shard }, i) => {
        return { shard, generation: this.#options.shards[shard].generation, sequence: sequences[i] };
      }),
      rows: decoded.rows,
      batches: decoded.batches.reduce((n, list) => n + list.length, 0),
      rejected: decoded.unparsed + decoded.refused,
      message: message === '' ? null : message,
      unparsed: message !== '' && decoded.unparsed === decoded.lines,
    };
  }

  /** Puts an entry into the stream of one shard; resolves when it is applied. */
  control(shard: number, entry: ControlEntry): Promise<number> {
    const address = this.#address(shard);
    const message = encodeControl(address, entry, this.#options.checksum);
    return this.#options.shards[shard].publish({ shard, message, id: address, wait: true });
  }

  // private functions

  /** In one turn, since the batches lean on the decoder's buffers. No messages while there are fields to be declared. */
  #decode(call: WriteCall): { decoded: Decoded; messages: PublishCall[] } {
    const { decoder, fieldTypes } = this.#options;
    const decoded = decoder.decode(call.body, { ...call, fieldTypes });
    if (decoded.newFields.length > 0) return { decoded, messages: [] };
    return {
      decoded,
      messages: decoded.batches.flatMap((batches, shard) => this.#messages(shard, batches, call.wait)),
    };
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
