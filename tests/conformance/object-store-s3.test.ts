/** The suite over the S3 adapter and the tests' own S3 server; and what only a network can do to it. */
import { expect } from 'chai';
import { S3Objects, type S3Options } from '../../server/tiers/index.ts';
import { BUCKET, KEYS, REGION, type S3Server, startS3 } from '../support/s3-server.ts';
import { codeOf, objectStoreSuite, SUITE_PART_BYTES, sourceOf } from './object-store.ts';

const PATIENCE = { deadlineMs: 5_000, attemptMs: 1_000 };
const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
const LARGE = Uint8Array.from({ length: 2 * SUITE_PART_BYTES + 10 }, (_, i) => i % 253);

objectStoreSuite('S3', async () => {
  const server = await startS3();
  server.pageSize = 4;
  return {
    open: async () => open(server),
    leaveUnfinished: async (name) => {
      server.uploads.set(`torn ${name}`, { key: `some/prefix/${name}`, parts: new Map([[1, Buffer.from('half')]]) });
    },
    unfinished: async () => server.uploads.size,
    clean: () => server.close(),
  };
});

describe('S3 objects over a bad network', () => {
  let server: S3Server;

  beforeEach(async () => {
    server = await startS3();
  });
  afterEach(() => server.close());

  /** The first `count` requests of a method meet the fault. */
  function plan(method: string, count: number, fault: ReturnType<S3Server['fault']>): void {
    let left = count;
    server.fault = (request) => (request.method === method && left-- > 0 ? fault : null);
  }

  const PASSING = [
    { kind: 'status', status: 500, code: 'InternalError' },
    { kind: 'status', status: 503, code: 'SlowDown' },
    { kind: 'status', status: 429, code: 'TooManyRequests' },
    { kind: 'cut' },
    { kind: 'missing' },
  ] as const;
  for (const fault of PASSING) {
    it(`reads through ${JSON.stringify(fault)}`, async () => {
      const objects = open(server);
      await objects.put('a', sourceOf(BYTES));
      plan('GET', 3, fault);
      expect(Buffer.compare(await objects.read('a', 10, 50_000), BYTES.subarray(10, 50_010))).to.equal(0);
    });
  }
  for (const fault of PASSING.slice(0, 4)) {
    it(`puts one piece and parts through ${JSON.stringify(fault)}`, async () => {
      const objects = open(server);
      plan('PUT', 2, fault);
      // a put that was cut had been done: whoever puts judges what is there
      expect(await codeOf(objects.put('small', sourceOf(BYTES)))).to.equal(
        fault.kind === 'cut' ? 'exists' : 'no error',
      );
      plan('PUT', 2, fault);
      await objects.put('parts', sourceOf(LARGE));
      plan('POST', 2, fault);
      await objects.put('begun and ended', sourceOf(LARGE));
      for (const [name, bytes] of [
        ['small', BYTES],
        ['parts', LARGE],
        ['begun and ended', LARGE],
      ] as const) {
        expect(Buffer.compare(await objects.read(name, 0, bytes.length), bytes), name).to.equal(0);
      }
    });
  }

  it('asks again what hangs', async () => {
    const objects = open(server);
    await objects.put('a', sourceOf(BYTES));
    plan('GET', 1, { kind: 'slow', ms: 4_000 });
    expect((await objects.read('a', 0, 5)).length).to.equal(5);
  });

  it('gives up at the deadline, and says so', async () => {
    const again: string[] = [];
    const objects = open(server, {
      patience: { deadlineMs: 400, attemptMs: 200, again: (reason) => again.push(reason) },
    });
    server.fault = () => ({ kind: 'status', status: 503, code: 'SlowDown' });
    expect(await codeOf(objects.read('a', 0, 5))).to.equal('unreachable');
    expect(again[0]).to.include('503 SlowDown');
    await server.close();
    expect(await codeOf(objects.read('a', 0, 5))).to.equal('unreachable');
    server = await startS3();
  });

  it('does not ask again what is refused, and leaves no upload behind', async () => {
    const objects = open(server);
    plan('PUT', 1, { kind: 'etag' });
    expect(await codeOf(objects.put('a', sourceOf(LARGE)))).to.equal('failed');
    expect(server.uploads.size).to.equal(0);
    expect(server.objects.size).to.equal(0);
    const stranger = open(server, { secretAccessKey: 'another' });
    expect(await codeOf(stranger.put('b', sourceOf(BYTES)))).to.equal('failed');
    expect(await codeOf(stranger.read('b', 0, 1))).to.equal('failed');
    expect(
      server.requests.some(({ key }) => key.endsWith('/b')),
      'none with a good signature',
    ).to.equal(false);
  });
});

// private functions

function open({ endpoint }: S3Server, options: Partial<S3Options> = {}): S3Objects {
  return new S3Objects({
    endpoint,
    bucket: BUCKET,
    prefix: 'some/prefix/',
    region: REGION,
    ...KEYS,
    patience: PATIENCE,
    partBytes: SUITE_PART_BYTES,
    ...options,
  });
}
