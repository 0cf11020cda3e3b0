/** What every files adapter must do, and what only the one in memory can show: power cuts. */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { crc32c } from '../../model/index.ts';
import { FaultyFiles, type Files, MemoryFiles, NodeFiles, StorageError } from '../../storage/index.ts';

const made: string[] = [];

conforms('node', () => ({ files: new NodeFiles(), root: temporary() }));
conforms('memory', () => ({ files: new MemoryFiles(), root: '/data' }));
conforms('faulty, with no faults planned', () => ({
  files: new FaultyFiles(new MemoryFiles(), () => null),
  root: '/data',
}));

describe('files in memory', () => {
  it('lose in a crash what was not synced: bytes, names, removals', async () => {
    const files = new MemoryFiles();
    await files.makeDirectory('/d');
    const kept = await files.open('/d/kept', 'create');
    await kept.write(bytes('safe'), 0);
    await kept.datasync();
    await files.syncDirectory('/d');
    await kept.write(bytes('lost'), 4);
    await (await files.open('/d/unnamed', 'create')).datasync();
    await files.rename('/d/kept', '/d/renamed');
    files.crash();
    expect(await files.list('/d')).to.deep.equal(['kept']);
    expect(files.bytes('/d/kept')).to.deep.equal(bytes('safe'));
    expect(await codeOf(kept.write(bytes('x'), 0))).to.equal('closed');
    await files.remove('/d/kept');
    files.crash();
    expect(await files.list('/d')).to.deep.equal(['kept']);
    await files.remove('/d/kept');
    await files.syncDirectory('/d');
    files.crash();
    expect(await files.list('/d')).to.deep.equal([]);
  });
});

describe('files that fail', () => {
  it('fail the call they are told to, leaving the bytes they are told to', async () => {
    const memory = new MemoryFiles();
    const files = new FaultyFiles(memory, (call, n) =>
      call === 'write' && n === 2 ? { code: 'no space', bytes: 3 } : null,
    );
    await files.makeDirectory('/d');
    const file = await files.open('/d/a', 'create');
    await file.write(bytes('one'), 0);
    expect(await codeOf(file.write(bytes('second'), 3))).to.equal('no space');
    expect(memory.bytes('/d/a')).to.deep.equal(bytes('onesec'));
    await file.write(bytes('third'), 3);
    expect(memory.bytes('/d/a')).to.deep.equal(bytes('onethird'));
  });
});

describe('the lock of a directory on disk', () => {
  after(() => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true });
  });

  it('is taken over from a process that died, not from one that lives', async () => {
    const root = temporary();
    const script = join(root, 'holder.mjs');
    const door = new URL('../../storage/index.ts', import.meta.url).href;
    writeFileSync(
      script,
      `import { NodeFiles } from '${door}'; await new NodeFiles().lock(process.argv[2]); process.send('held'); setInterval(() => {}, 1000);`,
    );
    const child = fork(script, [root], { execArgv: ['--experimental-strip-types', '--no-warnings'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      await new Promise((resolve, reject) => {
        child.once('message', resolve);
        child.once('exit', () => reject(new Error('the holder ended before it held the lock')));
      });
      const error = await new NodeFiles().lock(root).catch((e: StorageError) => e);
      expect(error).to.be.instanceOf(StorageError).with.property('code', 'locked');
      expect((error as StorageError).message).to.contain(String(child.pid));
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    const lock = await new NodeFiles().lock(root);
    expect(readFileSync(join(root, 'lock'), 'latin1')).to.match(new RegExp(`^${process.pid} `));
    await lock.release();
  });

  it('is taken over where the pid was given to another process, or the text is nonsense', async () => {
    const root = temporary();
    for (const text of [`${process.pid} 1\n`, 'nonsense', '']) {
      writeFileSync(join(root, 'lock'), text);
      await (await new NodeFiles().lock(root)).release();
    }
  });

  it('goes to one of many who ask at the same time for a stale one', async () => {
    const root = temporary();
    for (let round = 0; round < 50; round++) {
      writeFileSync(join(root, 'lock'), '999999999 1\n');
      // some die as heirs, before they make the lock their own: whoever follows them is the owner
      if (round % 2 === 1) writeFileSync(heirOf(root, '999999999 1\n'), '999999998 1\n');
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => new NodeFiles().lock(root)));
      const locks = results.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
      expect(locks.length, `round ${round}`).to.equal(1);
      expect(readFileSync(join(root, 'lock'), 'latin1')).to.match(new RegExp(`^${process.pid} `));
      await locks[0].release();
      expect(readdirSync(root)).to.deep.equal([]);
    }
  });
});

// private functions

function heirOf(root: string, owner: string): string {
  return join(root, `lock.after.${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`);
}

function conforms(name: string, make: () => { files: Files; root: string }): void {
  describe(`files: ${name}`, () => {
    it('computes crc32c', () => {
      const { files } = make();
      for (const text of ['', '123456789', 'x'.repeat(1000)]) {
        expect(files.checksum(bytes(text))).to.equal(crc32c(bytes(text)));
      }
      expect(files.checksum(bytes('123456789'))).to.equal(0xe3069283);
    });

    it('compresses, and refuses what is damaged or of another length', () => {
      const { compression } = make().files;
      for (const text of ['', 'x', 'abc'.repeat(1000)]) {
        const squeezed = compression.compress(bytes(text));
        expect(compression.decompress(squeezed, text.length)).to.deep.equal(bytes(text));
        expect(() => compression.decompress(squeezed, text.length + 1)).to.throw(StorageError, /zstd/);
      }
      expect(() => compression.decompress(bytes('no frame'), 8)).to.throw(StorageError, /zstd/);
      const long = compression.compress(bytes('abc'.repeat(1000)));
      expect(long.length).to.be.below(100);
      expect(() => compression.decompress(long, 2999)).to.throw(StorageError, /zstd/);
      expect(() => compression.decompress(long.subarray(0, -1), 3000)).to.throw(StorageError, /zstd/);
    });

    it('is closed behind the reads that are under way', async () => {
      const { files, root } = make();
      await files.makeDirectory(`${root}/a`);
      const written = await files.open(`${root}/a/f`, 'create');
      await written.write(new Uint8Array(1 << 20).fill(7), 0);
      await written.close();
      const file = await files.open(`${root}/a/f`, 'read');
      const targets = Array.from({ length: 16 }, () => new Uint8Array(1 << 16));
      const reads = targets.map((target, i) => file.read(target, i << 16));
      await file.close();
      for (const [i, target] of targets.entries()) {
        expect(await reads[i]).to.equal(target.length);
        expect(target.every((byte) => byte === 7)).to.equal(true);
      }
      expect(await codeOf(file.read(targets[0], 0))).to.equal('closed');
    });

    it('writes, reads, measures and truncates', async () => {
      const { files, root } = make();
      await files.makeDirectory(`${root}/a`);
      await files.makeDirectory(`${root}/a`);
      const file = await files.open(`${root}/a/f`, 'create');
      await file.write(bytes('hello world'), 0);
      await file.write(bytes('W'), 6);
      await file.datasync();
      expect(await file.size()).to.equal(11);
      const target = new Uint8Array(20);
      expect(await file.read(target.subarray(2), 6)).to.equal(5);
      expect(target.subarray(2, 7)).to.deep.equal(bytes('World'));
      expect(file.readSync(target.subarray(9), 3)).to.equal(8);
      expect(target.subarray(9, 17)).to.deep.equal(bytes('lo World'));
      expect(file.readSync(target, 11)).to.equal(0);
      await file.truncate(5);
      expect(await file.size()).to.equal(5);
      expect(await file.read(target, 5)).to.equal(0);
      await file.close();
      await file.close();
      expect(await codeOf(file.size())).to.equal('closed');
      const again = await files.open(`${root}/a/f`, 'write');
      await again.write(bytes('!'), 5);
      await again.close();
      const reader = await files.open(`${root}/a/f`, 'read');
      expect(await reader.read(target, 0)).to.equal(6);
      expect(target.subarray(0, 6)).to.deep.equal(bytes('hello!'));
      await reader.close();
    });

    it('lists, renames and removes', async () => {
      const { files, root } = make();
      await files.makeDirectory(`${root}`);
      for (const file of ['b', 'a', 'c']) await (await files.open(`${root}/${file}`, 'create')).close();
      await files.rename(`${root}/a`, `${root}/c`);
      await files.syncDirectory(root);
      expect(await files.list(root)).to.deep.equal(['b', 'c']);
      await files.remove(`${root}/b`);
      expect(await files.list(root)).to.deep.equal(['c']);
    });

    it('says what is not there, and does not replace what is', async () => {
      const { files, root } = make();
      await files.makeDirectory(root);
      expect(await codeOf(files.open(`${root}/x`, 'read'))).to.equal('not found');
      expect(await codeOf(files.open(`${root}/x`, 'write'))).to.equal('not found');
      expect(await codeOf(files.remove(`${root}/x`))).to.equal('not found');
      expect(await codeOf(files.list(`${root}/none`))).to.equal('not found');
      await (await files.open(`${root}/x`, 'create')).close();
      expect(await codeOf(files.open(`${root}/x`, 'create'))).to.equal('failed');
    });

    it('locks a directory for one, until it is released', async () => {
      const { files, root } = make();
      await files.makeDirectory(root);
      const lock = await files.lock(root);
      expect(await codeOf(files.lock(root))).to.equal('locked');
      await lock.release();
      await (await files.lock(root)).release();
    });
  });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-files-'));
  made.push(directory);
  return directory;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as StorageError).code;
  }
  return 'fine';
}
