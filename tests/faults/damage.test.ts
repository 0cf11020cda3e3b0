/**
 * Damage on the disk: a flipped bit at every byte of the files of a small shard, and each of them cut at every length. It is always
 * found, by whoever reads it, with its file and place; nothing wrong is ever answered; what is not damaged is served. The end of the
 * log alone may be taken for a write that was torn: then it is cut, and that is said.
 */
import { expect } from 'chai';
import { MemoryFiles, StorageError } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';
import {
  makeMessages,
  openStore,
  readAll,
  readDatabase,
  readEachSeries,
  replay,
  runScript,
  SHARD_DIRECTORIES,
  statesOf,
} from '../support/shard-script.ts';

const MESSAGES = 14;

describe('damage on the disk', () => {
  const seed = seedOfRun();
  const messages = makeMessages(new Random(seed), MESSAGES);
  let states: readonly string[] = [];

  before(async () => {
    states = await statesOf(messages);
  });

  for (const kind of ['a flipped bit', 'a cut'] as const) {
    it(`${kind} at every byte of every file is found (seed ${seed})`, async () => {
      const whole = await shardOf();
      const counts = { found: 0, cut: 0 };
      for (const [path, bytes] of whole) {
        if (await isStray(whole, path)) continue;
        for (let at = 0; at < bytes.length; at++) {
          const damaged = kind === 'a cut' ? bytes.slice(0, at) : bytes.slice();
          if (kind !== 'a cut') damaged[at] ^= 1 << (at & 7);
          const files = await diskOf(new Map(whole).set(path, damaged));
          counts[await look(files, kind, path, `seed ${seed}, ${path}, byte ${at}`)]++;
        }
      }
      expect(counts.found).to.be.greaterThan(counts.cut);
    });
  }

  it(`in one bucket leaves the others readable (seed ${seed})`, async () => {
    const whole = await shardOf(makeMessages(new Random(seed), 4 * MESSAGES).filter(({ kind }) => kind === 'write'));
    const buckets = [...whole.keys()].filter((path) => path.includes('/buckets/'));
    let served = 0;
    for (const path of buckets) {
      const bytes = whole.get(path)!;
      const damaged = bytes.slice();
      damaged[bytes.length >> 1] ^= 1;
      const store = await openStore(await diskOf(new Map(whole).set(path, damaged)));
      for (const database of store.databases()) {
        try {
          readDatabase(store, database);
          served++;
        } catch (error) {
          expect((error as Error).message).to.include(path);
        }
      }
      await store.close();
    }
    expect(served, 'databases that were served').to.be.greaterThan(0);
  });

  // private functions

  /** Files of a shard whose messages are sealed in part: the rest is in the log. */
  async function shardOf(written = messages): Promise<Map<string, Uint8Array>> {
    const files = new MemoryFiles();
    await runScript(files, written, new Random(seed), () => {});
    const all = new Map<string, Uint8Array>();
    for (const directory of SHARD_DIRECTORIES) {
      for (const name of await files.list(directory))
        all.set(`${directory}/${name}`, files.bytes(`${directory}/${name}`));
    }
    return all;
  }

  /** A bucket that was dropped and not removed yet: nobody reads it. */
  async function isStray(whole: ReadonlyMap<string, Uint8Array>, path: string): Promise<boolean> {
    if (!path.includes('/buckets/')) return false;
    const rest = new Map(whole);
    rest.delete(path);
    try {
      await (await openStore(await diskOf(rest))).close();
      return true;
    } catch {
      return false;
    }
  }

  async function look(files: MemoryFiles, kind: string, path: string, place: string): Promise<'found' | 'cut'> {
    let store: Awaited<ReturnType<typeof openStore>> | null = null;
    try {
      store = await openStore(files);
      // also what the rest of the log drops or deletes
      readEachSeries(store);
      const last = await replay(files, store, messages);
      const answer = readAll(store);
      expect(answer, place).to.equal(states[last]);
      expect(readEachSeries(store), place).to.equal(answer);
      // the record behind the manifest's last one says nothing: nothing is lost with it
      if (path.includes('/manifest/')) return 'cut';
      expect(last, `${place}: damage that nobody found`).to.be.below(messages.length);
      expect(path, place).to.include('/log/');
      return 'cut';
    } catch (error) {
      if (!(error instanceof StorageError)) throw new Error(`${place}: ${(error as Error).stack}`);
      expect(error.code, `${place}: ${error.message}`).to.equal('corrupt');
      // a manifest that ends between two records is as it once was, and the end of a log may be torn: what is missing tells of it, not where
      const told = path.includes('/log/') ? path.slice(0, path.lastIndexOf('/')) : path;
      if (kind !== 'a cut' || !path.includes('/manifest/')) expect(error.message, place).to.include(told);
      return 'found';
    } finally {
      await store?.close();
    }
  }
});

// private functions

async function diskOf(contents: ReadonlyMap<string, Uint8Array>): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  for (const directory of SHARD_DIRECTORIES) await files.makeDirectory(directory);
  for (const [path, bytes] of contents) files.place(path, bytes);
  return files;
}
