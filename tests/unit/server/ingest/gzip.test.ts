/** Gzip bodies: unpacked, bounded, and clear about what is wrong. */
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { gunzipBody, IngestError } from '../../../../server/ingest/index.ts';

describe('gzip bodies', () => {
  it('unpacks to a buffer of its own', async () => {
    const bytes = await gunzipBody(gzipSync('m v=1\n'), 100);
    expect(new TextDecoder().decode(bytes)).equal('m v=1\n');
    expect([bytes.byteOffset, bytes.buffer.byteLength]).deep.equal([0, 6]);
  });

  it('stops at the limit', async () => {
    expect(await codeOf(gunzipBody(gzipSync(Buffer.alloc(10_000_000)), 1_000_000))).equal('too large');
    expect((await gunzipBody(gzipSync(Buffer.alloc(1000)), 1000)).length).equal(1000);
  });

  it('refuses what is cut, broken or no gzip', async () => {
    const packed = gzipSync('m v=1\n'.repeat(1000));
    expect(await codeOf(gunzipBody(packed.subarray(0, packed.length - 9), 100_000))).equal('malformed');
    packed[20] ^= 0xff;
    expect(await codeOf(gunzipBody(packed, 100_000))).equal('malformed');
    expect(await codeOf(gunzipBody(Buffer.from('m v=1'), 100))).equal('malformed');
    expect(await codeOf(gunzipBody(new Uint8Array(0), 100))).equal('malformed');
  });
});

// private functions

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return error instanceof IngestError ? error.code : String(error);
  }
}
