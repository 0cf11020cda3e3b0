/**
 * Backups of servers whose points do not all lie in files here: old buckets in object storage, the stream in JetStream; and of damaged
 * ones.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { decodePosition } from '../../model/index.ts';
import { eventually, metric, results, series, written } from '../support/api.ts';
import { backup, everything, run, someLines } from '../support/backups.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { type S3Server, startS3 } from '../support/s3-server.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SEED = seedOfRun();
const BROKEN_OFF = 'millrace: the server has broken the archive off: its log says why\n';
const SMALL_HEADS = ['--head-bytes', '12288', '--log-keep-bytes', '0'];

describe(`backup and restore, where points lie elsewhere (SEED=${SEED})`, () => {
  const started: TestServer[] = [];
  let directory: string;

  before(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    for (const server of started.splice(0)) await server.stop();
  });

  async function start(flags: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const server = await startServer([...QUIET, '--log-level', 'warn', ...flags], environment);
    started.push(server);
    return server;
  }

  describe('in object storage', () => {
    let s3: S3Server;
    beforeEach(async () => {
      s3 = await startS3();
    });
    afterEach(() => s3.close());

    function tiered(flags: readonly string[] = []): Promise<TestServer> {
      const tier = ['--tier', s3.url('cold'), '--tier-after', '1d'];
      return start(['--shards', '2', ...SMALL_HEADS, ...tier, ...flags], s3.environment);
    }

    it('a chain with deletes in it comes back, though the store stumbles, on a server without one and beside itself', async () => {
      const random = new Random(SEED);
      const cold = await tiered();
      for (let i = 0; i < 6; i++) await written(cold, 'a', someLines(random, 300));
      await moved(cold, 4);
      await results(cold, 'a', "DELETE FROM m0 WHERE time >= 0 AND time < 15; DELETE FROM m1 WHERE host = 'h1'");
      let n = 0;
      s3.fault = ({ method }) =>
        method === 'GET' && n++ % 4 === 0 ? { kind: 'status', status: 503, code: 'SlowDown' } : null;
      const full = await backup(cold, directory, ['a']);
      s3.fault = () => null;
      for (let i = 0; i < 3; i++) await written(cold, 'a', someLines(random, 100));
      const next = await backup(cold, directory, ['a'], ['--since', full.path]);
      const near = await start(['--shards', '3']);
      expect((await run(near, ['restore', full.path, next.path])).code).to.equal(0);
      expect(await everything(near, 'a')).to.deep.equal(await everything(cold, 'a'));
      expect((await run(cold, ['restore', full.path, next.path, '--as', 'b'])).code).to.equal(0);
      expect(await everything(cold, 'b')).to.deep.equal(await everything(near, 'a'));
    });

    it('is not given, where an object is damaged', async () => {
      const cold = await tiered();
      const random = new Random(SEED);
      for (let i = 0; i < 4; i++) await written(cold, 'a', someLines(random, 300));
      await moved(cold, 2);
      const [name, bytes] = [...s3.objects].find(([, object]) => object.length > 200)!;
      const damaged = Buffer.from(bytes);
      damaged[40] ^= 4;
      s3.objects.set(name, damaged);
      const { code, err } = await run(cold, ['backup', directory]);
      expect([code, err]).to.deep.equal([1, BROKEN_OFF]);
      expect(cold.stderr()).to.include(`${name.replace('cold/', '')}: at byte 32: a block is damaged`);
      expect((await readdir(directory)).filter((file) => file.endsWith('.part'))).to.deep.equal([]);
      s3.objects.set(name, bytes);
      expect((await run(cold, ['backup', directory])).code).to.equal(0);
    });

    it('taken while points are written, deleted, merged and moved, it is the state at the position it names', async () => {
      const random = new Random(SEED);
      const cold = await tiered(['--shards', '1', '--workers', '1']);
      /** In order: what was written at a place in the stream, and which times were deleted between two such. */
      const history: Change[] = [];
      const young = Date.now();
      let isBusy = true;
      const busy = (async () => {
        for (let n = 0; isBusy || n < 60; n++) {
          if (n % 40 === 39) {
            const from = random.between(0, 30);
            const to = from + random.between(0, 6);
            await results(cold, 'w', `DELETE FROM p WHERE time >= ${from} AND time <= ${to}`);
            history.push({ from, to });
          }
          const [k, time] = [n % 7, random.between(0, 40)];
          const bulk = Array.from(
            { length: 40 },
            (_, i) => `bulk,k=${i} v=${random.next()} ${young + n * 50 + i}000000`,
          );
          const token = await written(cold, 'w', [`p,k=${k} n=${n}i ${time}`, ...bulk].join('\n'));
          history.push({ at: decodePosition(token)![0].sequence, k, time, n });
        }
      })();
      for (const what of ['millrace_tier_moved', 'millrace_bucket_merges']) {
        await eventually(
          () => metric(cold, what),
          (times) => times > 0,
        );
      }
      for (let round = 0; round < 4; round++) {
        await eventually(
          () => history.length,
          (length) => length >= 40 * (round + 1),
        );
        const { path, position } = await backup(cold, directory, ['w']);
        const [{ sequence }] = decodePosition(position)!;
        expect((await run(cold, ['restore', path, '--as', `w${round}`])).code).to.equal(0);
        const found = (await series(cold, `w${round}`, 'SELECT n FROM p GROUP BY k')).flatMap(({ tags, values }) =>
          values.map(([time, n]) => [`${tags!.k} ${time}`, Number(n)] as const),
        );
        // where a delete stands in the stream is known by what was written before and behind it
        const states = [false, true].map((early) => sorted(stateAt(history, sequence, early)));
        expect(states, `round ${round}, at ${sequence}`).to.deep.include(sorted(found));
      }
      isBusy = false;
      await busy;
    });
  });

  it('is not given, where a file is damaged', async () => {
    const server = await start(['--shards', '1']);
    await written(server, 'a', someLines(new Random(SEED), 300));
    expect((await run(server, ['backup', directory])).code).to.equal(0);
    const buckets = join(server.dataDir, 'shards', 'shard-0', 'buckets');
    const [name] = await readdir(buckets);
    const bytes = await readFile(join(buckets, name));
    bytes[40] ^= 1;
    await writeFile(join(buckets, name), bytes);
    expect((await run(server, ['backup', directory])).err).to.equal(BROKEN_OFF);
    expect(server.stderr()).to.include(`${name}: at byte 32: a block is damaged`);
  });

  describe('on JetStream', () => {
    let nats: NatsServer;
    before(async () => {
      nats = await startNats();
    });
    after(() => nats.stop());

    it('a chain comes back on an embedded server, beside itself, and on a fresh JetStream server', async () => {
      const random = new Random(SEED);
      const flags = ['--nats', `nats://${nats.server}`, '--data-dir', await temporaryDirectory(), '--shards', '2'];
      const server = await start(flags);
      for (let i = 0; i < 3; i++) await written(server, 'a', someLines(random, 200));
      const full = await backup(server, directory, ['a']);
      await written(server, 'a', someLines(random, 100));
      const next = await backup(server, directory, ['a'], ['--since', full.path]);
      const whole = await everything(server, 'a');
      expect((await run(server, ['restore', full.path, next.path, '--as', 'b'])).code).to.equal(0);
      expect(await everything(server, 'b')).to.deep.equal(whole);
      const embedded = await start(['--shards', '3']);
      expect((await run(embedded, ['restore', full.path, next.path])).code).to.equal(0);
      expect(await everything(embedded, 'a')).to.deep.equal(whole);
      // what was restored is in the stream, and so there behind a start
      await server.kill();
      const again = await start(flags);
      expect(await everything(again, 'b')).to.deep.equal(whole);
      await rm(full.path);
    });
  });
});

// private functions

/** Waits until so many buckets at least have moved. */
async function moved(server: TestServer, buckets: number): Promise<void> {
  await eventually(
    () => metric(server, 'millrace_tier_buckets'),
    (found) => found >= buckets,
  );
}

type Change =
  | { readonly at: number; readonly k: number; readonly time: number; readonly n: number }
  | { readonly from: number; readonly to: number };

/** With the delete that follows the last write of that state, or without it. */
function stateAt(history: readonly Change[], sequence: number, early: boolean): Map<string, number> {
  const points = new Map<string, number>();
  for (const [i, change] of history.entries()) {
    if ('at' in change) {
      if (change.at > sequence) break;
      points.set(`${change.k} ${change.time}`, change.n);
      continue;
    }
    const behind = history[i + 1];
    const isLast = behind === undefined || ('at' in behind && behind.at > sequence);
    if (isLast && !early) break;
    for (const name of points.keys()) {
      const time = Number(name.split(' ')[1]);
      if (time >= change.from && time <= change.to) points.delete(name);
    }
  }
  return points;
}

function sorted(points: Iterable<readonly [string, number]>): (readonly [string, number])[] {
  return [...points].sort(([a], [b]) => (a < b ? -1 : 1));
}
