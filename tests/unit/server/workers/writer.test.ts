/** What a writer makes of one large body: messages that each are applied in a turn that nobody feels. */
import { expect } from 'chai';
import { KeptLists, readBatches } from '../../../../model/index.ts';
import { FieldTypeAuthority, FieldTypes, LineDecoder } from '../../../../server/ingest/index.ts';
import type { PublishCall, WriteResult } from '../../../../server/workers/messages.ts';
import { Writer } from '../../../../server/workers/writer.ts';
import { MemoryFiles } from '../../../../storage/index.ts';

const LINES = 20_000;
/** Series in a message that may be new. */
const SERIES_MAX = 8_192;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

describe('writer', () => {
  it('puts many new series into several messages, and a list that comes again into one', async () => {
    const messages: Uint8Array[] = [];
    const writer = openWriter(async ({ message }) => messages.push(message));
    const lists = new KeptLists();
    const { compression } = new MemoryFiles();
    for (const time of [1, 2, 3]) {
      messages.length = 0;
      const { rows } = await write(writer, time);
      expect(rows).to.equal(LINES);
      const read = messages.map((message) => readBatches(message, { compression, lists }));
      const keys = read.map((batches) => batches.map(({ seriesKeys }) => seriesKeys.size));
      expect(keys.flat().reduce((sum, size) => sum + size, 0)).to.equal(LINES);
      if (time === 3) expect(messages.length).to.equal(1);
      if (time === 1) {
        expect(messages.length).to.be.at.least(Math.ceil(LINES / SERIES_MAX));
        for (const sizes of keys) expect(sizes.reduce((sum, size) => sum + size, 0)).to.be.at.most(SERIES_MAX);
      }
    }
  });
});

function openWriter(publish: (call: PublishCall) => Promise<number>): Writer {
  const { checksum, compression } = new MemoryFiles();
  const authority = new FieldTypeAuthority();
  return new Writer({
    decoder: new LineDecoder({ shards: 1, compression }),
    fieldTypes: new FieldTypes(),
    declare: async (database, retentionPolicy, fields) => authority.declare(database, retentionPolicy, fields),
    shards: [{ generation: 0, messageBytesMax: MESSAGE_BYTES_MAX, publish }],
    producer: 0,
    checksum,
    compression,
  });
}

function write(writer: Writer, time: number): Promise<WriteResult> {
  const lines = Array.from({ length: LINES }, (_, i) => `event,user=u${i} value=${i}i ${time}\n`);
  const body = new TextEncoder().encode(lines.join(''));
  const target = { database: 'd', retentionPolicy: 'r', precision: 's', wait: true } as const;
  return writer.write({ ...target, body, now: 0n, keptFrom: null });
}
