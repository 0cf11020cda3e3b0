/** Buckets of a snapshot as batches for another server's shards: the same rows, but for those that were deleted; refusals in words. */
import { expect } from 'chai';
import type { Batch } from '../../../../model/index.ts';
import { type RestoreTarget, restoreBucket } from '../../../../server/backup/index.ts';
import { MemoryFiles, ShardStore, type StoreSnapshot } from '../../../../storage/index.ts';
import { batchOf, rowsOf, type TestPoint } from '../../storage/points.ts';

const SHARDS = 3;
const SECOND = 1_000_000_000n;

describe('a bucket restored', () => {
  const files = new MemoryFiles();

  it('has the same rows in other shards, whatever its types, and not those that were deleted', async () => {
    const store = await open();
    const points = Array.from({ length: 3000 }, (_, i) => pointAt(i));
    for (let from = 0; from < points.length; from += 500) store.apply(batchOf(points.slice(from, from + 500)).batch);
    store.applied(1);
    await store.seal();
    const name = { database: 'db', retentionPolicy: 'autogen', measurement: 'm' };
    const table = store.series('db', 'autogen', 'm')!;
    const h3 = Uint8Array.from({ length: table.size }, (_, i) => (table.key(i) === 'host=h3' ? 1 : 0));
    store.deleteRows({ ...name, minTime: 100n * SECOND, maxTime: 199n * SECOND, series: null });
    store.deleteRows({ ...name, minTime: 0n, maxTime: 1000n * SECOND, series: h3 });
    store.applied(2);
    const left = rowsIn(store);
    expect(left.size).to.be.within(2700, 2899);
    const targets = await Promise.all(Array.from({ length: SHARDS }, () => open()));
    const snapshot = await store.snapshot({ since: 0, databases: null });
    expect(snapshot.buckets.flatMap(({ hidden }) => hidden)).to.have.length(2);
    for (let twice = 0; twice < 2; twice++) {
      for (const [i, { hidden }] of snapshot.buckets.entries()) {
        const rows = await restoreBucket(await bytesOf(snapshot, i), {
          ...target(targets),
          choice: {
            hidden: hidden.map(({ min, max, series }) => {
              return { minTime: String(min), maxTime: String(max), series: series === null ? null : [...series] };
            }),
          },
        });
        expect(rows).to.equal(left.size);
      }
    }
    const found = targets.flatMap((shard) => [...rowsIn(shard, 'copy')]);
    expect(targets.every((shard) => shard.series('copy', 'autogen', 'm')!.size > 0)).to.equal(true);
    expect(new Map(found.sort())).to.deep.equal(new Map([...left].sort()));
  });

  it('is refused where a bit of it is wrong, by its name and the place of the block', async () => {
    const store = await open();
    store.apply(batchOf(Array.from({ length: 200 }, (_, i) => pointAt(i))).batch);
    store.applied(1);
    const bytes = await bytesOf(await store.snapshot({ since: 0, databases: null }), 0);
    for (let at = 0; at < bytes.length; at += 97) {
      const bad = bytes.slice();
      bad[at] ^= 0x10;
      const shard = await open();
      expect(await refusal(bad, target([shard])), `byte ${at}`).to.match(/^x\.bucket: at byte \d+: /);
    }
  });

  it('is refused where a field has another type, or there is no room for it', async () => {
    const store = await open();
    store.apply(batchOf([pointAt(0)]).batch);
    store.applied(1);
    const bytes = await bytesOf(await store.snapshot({ since: 0, databases: null }), 0);
    const shard = await open();
    const answers = (type: 'string' | null) => ({
      ...target([shard]),
      declare: async () => ({
        database: 'copy',
        retentionPolicy: 'autogen',
        fields: type === null ? [] : [{ measurement: 'm', field: 'f', type }],
        full: [],
      }),
    });
    expect(await refusal(bytes, answers('string'))).to.equal(
      'field "f" of "m" is float in the archive: it is string in "copy"',
    );
    expect(await refusal(bytes, answers(null))).to.contain('"m" takes no more fields');
  });

  let directories = 0;

  function open(): Promise<ShardStore> {
    return ShardStore.open(files, `/data/${directories++}`, { shard: 0 });
  }

  function target(stores: readonly ShardStore[]): RestoreTarget {
    return {
      database: 'copy',
      shards: stores.length,
      name: 'x.bucket',
      choice: {},
      codec: files,
      declare: async (database, retentionPolicy, fields) => ({ database, retentionPolicy, fields, full: [] }),
      publish: async (shard, batches: readonly Batch[]) => {
        for (const batch of batches) stores[shard].apply(batch);
      },
      pause: () => Promise.resolve(),
    };
  }
});

// private functions

function pointAt(i: number): TestPoint {
  const fields: TestPoint['fields'] = { f: { type: 'float', value: i / 8 } };
  if (i % 2 === 0) fields.i = { type: 'integer', value: 9007199254740993n + BigInt(i) };
  if (i % 3 === 0) fields.s = { type: 'string', value: `text ${i % 7}` };
  return { key: `host=h${i % 20}`, time: BigInt(i) * SECOND, fields };
}

async function bytesOf(snapshot: StoreSnapshot, index: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of snapshot.pieces(index)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

function rowsIn(store: ShardStore, database = 'db'): Map<string, Record<string, string>> {
  const name = { database, retentionPolicy: 'autogen', measurement: 'm' };
  const table = store.series(database, 'autogen', 'm');
  if (table === null) return new Map();
  const all = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n, series: null, fields: null };
  return rowsOf(store.scan({ ...name, ...all }), (series) => table.key(series));
}

function refusal(bytes: Uint8Array, to: RestoreTarget): Promise<string> {
  return restoreBucket(bytes, to).then(
    () => 'nothing was refused',
    (error: Error) => error.message,
  );
}
