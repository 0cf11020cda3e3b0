/** What every object store must do. An adapter's test file calls `objectStoreSuite` with a way to open an empty one. */
import { expect } from 'chai';
import { type ObjectSource, type ObjectStore, StorageError } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';

export interface ObjectStoreFixture {
  /** Empty. */
  open(): Promise<ObjectStore>;
  /** Leaves behind what a put of this name leaves whose process died in the middle. */
  leaveUnfinished(name: string): Promise<void>;
  /** How many of those there are. */
  unfinished(): Promise<number>;
  clean(): Promise<void>;
}

/** Two parts and a bit, for adapters that put in parts of this size. */
export const SUITE_PART_BYTES = 1024 * 1024;
const LARGE_BYTES = 2 * SUITE_PART_BYTES + 12_345;

export function objectStoreSuite(name: string, makeFixture: () => Promise<ObjectStoreFixture>): void {
  describe(`object store: ${name}`, () => {
    const random = new Random(seedOfRun());
    let fixture: ObjectStoreFixture;
    let objects: ObjectStore;

    beforeEach(async () => {
      fixture = await makeFixture();
      objects = await fixture.open();
    });
    afterEach(() => fixture.clean());

    function bytesOf(length: number): Uint8Array {
      return Uint8Array.from({ length }, () => random.between(0, 255));
    }

    async function names(prefix: string): Promise<string[]> {
      const found: string[] = [];
      for await (const info of objects.list(prefix)) found.push(`${info.name} ${info.bytes}`);
      return found;
    }

    for (const length of [0, 1, 70_000, LARGE_BYTES]) {
      it(`gives back ${length} bytes, whole and in ranges`, async () => {
        const bytes = bytesOf(length);
        await objects.put('a/b.bucket', sourceOf(bytes));
        expect(await objects.head('a/b.bucket')).to.deep.equal({ name: 'a/b.bucket', bytes: length });
        expect(Buffer.compare(await objects.read('a/b.bucket', 0, length), bytes)).to.equal(0);
        if (length < 2) return;
        for (let n = 0; n < 5; n++) {
          const at = random.between(0, length - 1);
          const part = random.between(0, length - at);
          expect(Buffer.compare(await objects.read('a/b.bucket', at, part), bytes.subarray(at, at + part))).to.equal(0);
        }
      });

      it(`takes a name once (${length} bytes)`, async () => {
        const bytes = bytesOf(length);
        await objects.put('a/once', sourceOf(bytes));
        expect(await codeOf(objects.put('a/once', sourceOf(bytesOf(length + 1))))).to.equal('exists');
        expect(Buffer.compare(await objects.read('a/once', 0, length), bytes)).to.equal(0);
      });
    }

    it('says what is not there', async () => {
      expect(await objects.head('a/none')).to.equal(null);
      expect(await codeOf(objects.read('a/none', 0, 1))).to.equal('not found');
      await objects.remove('a/none');
      await objects.put('a/short', sourceOf(bytesOf(10)));
      expect(await codeOf(objects.read('a/short', 10, 1))).to.equal('failed');
    });

    it('lists by prefix, sorted, more than a page', async () => {
      const made = Array.from({ length: 25 }, (_, i) => `x/shard-0/${String(i * 7).padStart(3, '0')}`);
      for (const name of [...made].reverse()) await objects.put(name, sourceOf(bytesOf(3)));
      await objects.put('x/shard-01/other', sourceOf(bytesOf(4)));
      await objects.put('y/shard-0/other', sourceOf(bytesOf(5)));
      expect(await names('x/shard-0/')).to.deep.equal(made.map((name) => `${name} 3`));
      expect(await names('x/')).to.have.length(26);
      expect(await names('')).to.have.length(27);
      expect(await names('none/')).to.deep.equal([]);
    });

    it('forgets what is removed, and the name may be given again', async () => {
      await objects.put('a/gone', sourceOf(bytesOf(5)));
      await objects.remove('a/gone');
      expect(await objects.head('a/gone')).to.equal(null);
      expect(await names('')).to.deep.equal([]);
      await objects.put('a/gone', sourceOf(bytesOf(6)));
      expect((await objects.head('a/gone'))?.bytes).to.equal(6);
    });

    for (const length of [1000, LARGE_BYTES]) {
      it(`shows nothing of a put whose source fails (${length} bytes)`, async () => {
        const failing: ObjectSource = {
          bytes: length,
          read: async (target, at) => {
            if (at + target.length === length) throw new StorageError('corrupt', 'the source is damaged');
            return target.length;
          },
        };
        expect(await codeOf(objects.put('a/half', failing))).to.equal('corrupt');
        expect(await objects.head('a/half')).to.equal(null);
        expect(await names('')).to.deep.equal([]);
        expect(await fixture.unfinished()).to.equal(0);
        await objects.put('a/half', sourceOf(bytesOf(length)));
      });
    }

    it('clears what earlier lives left unfinished, under its prefix', async () => {
      await objects.put('a/whole', sourceOf(bytesOf(5)));
      const before = await fixture.unfinished();
      await fixture.leaveUnfinished('a/torn');
      await fixture.leaveUnfinished('b/torn');
      expect(await names('')).to.deep.equal(['a/whole 5']);
      const left = (await fixture.unfinished()) - before;
      await objects.clear('a/');
      expect(await fixture.unfinished()).to.equal(before + left / 2);
      await objects.put('a/torn', sourceOf(bytesOf(6)));
      expect(await names('a/')).to.deep.equal(['a/torn 6', 'a/whole 5']);
    });
  });
}

export function sourceOf(bytes: Uint8Array): ObjectSource {
  return {
    bytes: bytes.length,
    read: async (target, at) => {
      const part = bytes.subarray(at, at + target.length);
      target.set(part);
      return part.length;
    },
  };
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StorageError) return error.code;
    throw error;
  }
  return 'no error';
}
