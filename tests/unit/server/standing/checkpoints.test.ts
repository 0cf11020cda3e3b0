/** Checkpoints of stored queries on the disk: read again by whoever comes next, from however many files. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Checkpoints } from '../../../../server/standing/index.ts';
import { temporaryDirectory } from '../../../support/server.ts';

const QUERY = { database: 'd', name: 'c', created: '1' };
const NOTHING = { before: null, watermark: null, cursor: '' };

describe('checkpoints of stored queries', () => {
  let directory: string;
  const unreadable: string[] = [];

  beforeEach(async () => {
    directory = join(await temporaryDirectory(), 'standing');
    unreadable.length = 0;
  });

  it('are there at the next start, also for another number of workers', async () => {
    const first = await open(1);
    expect(first.of(QUERY)).to.deep.equal(NOTHING);
    first.set(QUERY, { before: 60n, watermark: 90n, cursor: '' });
    first.set({ ...QUERY, name: 'tail' }, { before: null, watermark: null, cursor: 'abc' });
    await first.save();
    const second = await open(0);
    expect(second.of(QUERY)).to.deep.equal({ before: 60n, watermark: 90n, cursor: '' });
    second.set(QUERY, { before: 120n, watermark: 150n, cursor: '' });
    await second.save();
    for (const worker of [0, 1]) {
      const third = await open(worker);
      expect(third.of(QUERY).before, 'of two the one further on').to.equal(120n);
      expect(third.of({ ...QUERY, name: 'tail' }).cursor).to.equal('abc');
    }
  });

  it('belong to one query, not to the next of its name', async () => {
    const checkpoints = await open(0);
    checkpoints.set(QUERY, { before: 60n, watermark: null, cursor: '' });
    await checkpoints.save();
    expect((await open(0)).of({ ...QUERY, created: '2' })).to.deep.equal(NOTHING);
    checkpoints.forget(QUERY);
    await checkpoints.save();
    expect((await open(0)).of(QUERY)).to.deep.equal(NOTHING);
  });

  it('that are damaged are named and passed over', async () => {
    const checkpoints = await open(0);
    checkpoints.set(QUERY, { before: 60n, watermark: null, cursor: '' });
    await checkpoints.save();
    const path = join(directory, 'worker-0');
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -10));
    expect((await open(0)).of(QUERY)).to.deep.equal(NOTHING);
    expect(unreadable).to.deep.equal([path]);
  });

  it('touch the disk only when something has changed', async () => {
    const checkpoints = await open(0);
    checkpoints.set(QUERY, { before: 60n, watermark: null, cursor: '' });
    await checkpoints.save();
    await writeFile(join(directory, 'worker-0'), 'marked');
    checkpoints.set(QUERY, { before: 60n, watermark: null, cursor: '' });
    await checkpoints.save();
    expect(await readFile(join(directory, 'worker-0'), 'utf8')).to.equal('marked');
    checkpoints.set(QUERY, { before: 60n, watermark: 90n, cursor: '' });
    for (let saves = 0; saves < 9; saves++) await checkpoints.save();
    expect(await readFile(join(directory, 'worker-0'), 'utf8'), 'a watermark alone can wait').to.equal('marked');
    await checkpoints.save();
    expect((await open(0)).of(QUERY).watermark).to.equal(90n);
  });

  function open(worker: number): Promise<Checkpoints> {
    return Checkpoints.open(directory, worker, (path) => unreadable.push(path));
  }
});
