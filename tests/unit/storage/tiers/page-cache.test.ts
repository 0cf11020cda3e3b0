/** The cache of fetched pages: what it keeps, what it lets go, and that it only ever helps. */
import { expect } from 'chai';
import { FaultyFiles, MemoryFiles } from '../../../../storage/index.ts';
import { PAGE_BYTES, PageCache } from '../../../../storage/tiers/page-cache.ts';

describe('the cache of fetched pages', () => {
  it('keeps what fits, and lets the page used longest ago go', async () => {
    const { files, cache } = await open(3.5);
    for (let page = 0; page < 3; page++) await cache.keep('a', page, pageOf(page));
    expect((await cache.read('a', 0))?.[0]).to.equal(0);
    await cache.keep('b', 0, pageOf(9));
    expect(await cache.read('a', 1), 'used longest ago').to.equal(null);
    expect((await cache.read('a', 0))?.[5]).to.equal(0);
    expect((await cache.read('a', 2))?.[5]).to.equal(2);
    expect((await cache.read('b', 0))?.length).to.equal(PAGE_BYTES);
    expect(cache.bytes).to.equal(3 * PAGE_BYTES);
    expect(files.bytes('/d/cache').length).to.be.at.most(3.5 * PAGE_BYTES);
    expect([cache.hits, cache.misses]).to.deep.equal([4, 1]);
  });

  it('keeps the last page of an object, which is short', async () => {
    const { cache } = await open(2);
    await cache.keep('a', 7, Uint8Array.of(1, 2, 3));
    expect(await cache.read('a', 7)).to.deep.equal(Uint8Array.of(1, 2, 3));
  });

  it('gives the pages of many at the same time, each its own', async () => {
    const { cache } = await open(4);
    const work = Array.from({ length: 200 }, async (_, n) => {
      const page = n % 10;
      const found = await cache.read('a', page);
      if (found === null) await cache.keep('a', page, pageOf(page));
      else expect([found[0], found[PAGE_BYTES - 1]]).to.deep.equal([page, page]);
    });
    await Promise.all(work);
    expect(cache.bytes).to.be.at.most(4 * PAGE_BYTES);
  });

  it('forgets an object', async () => {
    const { cache } = await open(4);
    await cache.keep('a', 0, pageOf(1));
    await cache.keep('b', 0, pageOf(2));
    cache.forget('a');
    expect(await cache.read('a', 0)).to.equal(null);
    expect((await cache.read('b', 0))?.[0]).to.equal(2);
    for (let page = 1; page < 4; page++) await cache.keep('a', page, pageOf(page));
    expect((await cache.read('b', 0))?.[0]).to.equal(2);
  });

  it('is as if empty where its disk is full or fails', async () => {
    const memory = new MemoryFiles();
    await memory.makeDirectory('/d');
    const files = new FaultyFiles(memory, (call) => (call === 'write' ? { code: 'no space' } : null));
    const cache = await PageCache.open(files, '/d/cache', 4 * PAGE_BYTES);
    for (let page = 0; page < 9; page++) await cache.keep('a', page, pageOf(page));
    expect(await cache.read('a', 0)).to.equal(null);
    expect(cache.failures).to.equal(9);
  });

  it('keeps nothing where it has no room', async () => {
    const { cache } = await open(0);
    await cache.keep('a', 0, pageOf(1));
    expect(await cache.read('a', 0)).to.equal(null);
  });
});

// private functions

async function open(pages: number): Promise<{ files: MemoryFiles; cache: PageCache }> {
  const files = new MemoryFiles();
  await files.makeDirectory('/d');
  return { files, cache: await PageCache.open(files, '/d/cache', pages * PAGE_BYTES) };
}

function pageOf(value: number): Uint8Array {
  return new Uint8Array(PAGE_BYTES).fill(value);
}
