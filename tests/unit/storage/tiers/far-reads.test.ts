/** What is brought near for who cannot wait is in the cache when that is said, however slow the cache's disk is. */
import { expect } from 'chai';
import { MemoryFiles, MemoryObjects, type StoredFile } from '../../../../storage/index.ts';
import { FarReads } from '../../../../storage/tiers/far-reads.ts';
import { PAGE_BYTES, PageCache } from '../../../../storage/tiers/page-cache.ts';

const OBJECT = 'a.bucket';
const BYTES = 3 * PAGE_BYTES + 100;

describe('reads of objects that lie far away', () => {
  it('are at hand only when the cache has written them', async () => {
    const disk = new SlowFiles();
    const reads = await open(disk);
    let isNear = false;
    const bringing = reads.bringNear(OBJECT, BYTES, [{ at: 10, length: 2 * PAGE_BYTES }]).then(() => (isNear = true));
    await disk.written;
    // whatever else could happen has happened
    await new Promise((resolve) => setImmediate(resolve));
    expect(read(reads, 10, 50), 'on its way').to.equal(null);
    expect(isNear).to.equal(false);
    disk.goOn();
    await bringing;
    expect(read(reads, 10, 2 * PAGE_BYTES)).to.deep.equal(content().slice(10, 10 + 2 * PAGE_BYTES));
    expect(read(reads, 3 * PAGE_BYTES, 100), 'not asked for').to.equal(null);
  });

  it('are given across pages, and to the end of the object', async () => {
    const reads = await open(new MemoryFiles());
    await reads.bringNear(OBJECT, BYTES, [{ at: 0, length: BYTES }]);
    for (const [at, length] of [
      [0, BYTES],
      [PAGE_BYTES - 3, 7],
      [3 * PAGE_BYTES, 100],
      [BYTES - 1, 1],
    ]) {
      expect(read(reads, at, length), `${length} bytes from ${at}`).to.deep.equal(content().slice(at, at + length));
    }
    expect(read(reads, BYTES - 1, 2), 'beyond the end').to.equal(null);
    reads.forget(OBJECT);
    expect(read(reads, 0, 1)).to.equal(null);
  });
});

// private functions

/** A disk on which writes of the cache wait until they may go on. */
class SlowFiles extends MemoryFiles {
  goOn = (): void => {};
  /** The first write has come. */
  readonly written: Promise<void>;
  readonly #gate = new Promise<void>((resolve) => {
    this.goOn = resolve;
  });
  #came = (): void => {};

  constructor() {
    super();
    this.written = new Promise<void>((resolve) => {
      this.#came = resolve;
    });
  }

  override async open(...asked: Parameters<MemoryFiles['open']>): Promise<StoredFile> {
    const file = await super.open(...asked);
    const write = file.write.bind(file);
    file.write = async (bytes, at) => {
      this.#came();
      await this.#gate;
      await write(bytes, at);
    };
    return file;
  }
}

async function open(files: MemoryFiles): Promise<FarReads> {
  await files.makeDirectory('/d');
  const objects = new MemoryObjects();
  const bytes = content();
  await objects.put(OBJECT, {
    bytes: bytes.length,
    read: async (target, at) => {
      const part = bytes.subarray(at, at + target.length);
      target.set(part);
      return part.length;
    },
  });
  return new FarReads(objects, await PageCache.open(files, '/d/cache', 10 * PAGE_BYTES));
}

/** null = it is not at hand. */
function read(reads: FarReads, at: number, length: number): Uint8Array | null {
  const target = new Uint8Array(length);
  return reads.readSync(OBJECT, target, at) === length ? target : null;
}

function content(): Uint8Array {
  return Uint8Array.from({ length: BYTES }, (_, i) => (i * 7919) >>> 8);
}
