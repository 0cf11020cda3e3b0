/** `millrace backup` and `restore` as processes against real servers: what is saved while writes go on comes back as it was. */
import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { decodePosition } from '../../model/index.ts';
import { results, series, written } from '../support/api.ts';
import { backup, EVERYTHING, run, someLines } from '../support/backups.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SEED = seedOfRun();

describe(`backup and restore (SEED=${SEED})`, function () {
  this.timeout(180_000);
  let server: TestServer;
  let other: TestServer;
  let directory: string;
  const random = new Random(SEED);

  before(async () => {
    directory = await temporaryDirectory();
    server = await startServer([...QUIET, '--shards', '3', '--workers', '2']);
    other = await startServer([...QUIET, '--shards', '2', '--workers', '1']);
  });

  after(async () => {
    await server?.stop();
    await other?.stop();
  });

  it('brings a database back on another server with other shards, and beside itself under another name', async () => {
    for (let i = 0; i < 5; i++) await written(server, 'a', someLines(random, 400));
    await written(server, 'b', 'only n=1 1');
    const { path, position } = await backup(server, directory, ['a']);
    expect(decodePosition(position)).to.have.length(3);
    expect((await run(other, ['restore', path])).code).to.equal(0);
    expect(await results(other, 'a', EVERYTHING)).to.deep.equal(await results(server, 'a', EVERYTHING));
    const beside = await run(server, ['restore', path, '--as', 'c']);
    expect(beside.err).to.match(/^verifying: [^█\r]+\nrestoring: [^█\r]+ rows into c\n$/);
    expect(await results(server, 'c', EVERYTHING)).to.deep.equal(await results(server, 'a', EVERYTHING));
    // twice is once
    await run(server, ['restore', path, '--as', 'c']);
    expect(await results(server, 'c', EVERYTHING)).to.deep.equal(await results(server, 'a', EVERYTHING));
  });

  it('is a tar that the usual tools read, and its checksums are those of sha256sum', async () => {
    const { path } = await backup(server, directory, []);
    const names = execFileSync('tar', ['tf', path]).toString().trim().split('\n');
    expect([names[0], names.at(-1)]).to.deep.equal(['backup.json', 'SHA256SUMS']);
    const out = await temporaryDirectory();
    execFileSync('tar', ['xf', path, '-C', out]);
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: out });
    const manifest = JSON.parse(await readFile(join(out, 'backup.json'), 'utf8'));
    expect(manifest.databases).to.include.members(['a', 'b']);
    expect(names.slice(1, -1)).to.deep.equal(manifest.files.map(({ name }: { name: string }) => name));
  });

  it('a chain of archives is the same as a full one', async () => {
    const full = await backup(server, directory, ['a']);
    const chain = [full.path];
    let since = full.path;
    for (let i = 0; i < 3; i++) {
      await written(server, 'a', someLines(random, 200));
      const next = await backup(server, directory, ['a'], ['--since', i === 1 ? full.position : since]);
      if (i === 1)
        await rm(next.path); // by its position, from further back: another chain
      else chain.push(next.path);
      if (i !== 1) since = next.path;
    }
    expect((await run(other, ['restore', ...chain, '--as', 'chained'])).code).to.equal(0);
    const last = await backup(server, directory, ['a']);
    await run(other, ['restore', last.path, '--as', 'whole']);
    expect(await results(other, 'chained', EVERYTHING)).to.deep.equal(await results(other, 'whole', EVERYTHING));
    expect(await results(other, 'whole', EVERYTHING)).to.deep.equal(await results(server, 'a', EVERYTHING));
    expect((await readFile(chain[1])).length).to.be.lessThan((await readFile(last.path)).length);
    const gap = await run(other, ['restore', chain[0], chain[2]]);
    expect([gap.code, gap.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && err.includes('does not follow'),
    );
  });

  it('says that a full backup is needed where a database was dropped in between', async () => {
    await written(server, 'gone', 'm v=1 1');
    const { path } = await backup(server, directory, []);
    await results(server, '', 'DROP DATABASE gone');
    const refused = await run(server, ['backup', directory, '--since', path]);
    expect([refused.code, refused.err]).to.deep.equal([
      1,
      'millrace: since: a database was dropped behind that position, or more than can be told was deleted: a full backup is needed\n',
    ]);
    expect((await readdir(directory)).filter((name) => name.endsWith('.part'))).to.deep.equal([]);
  });

  it('leaves out what was deleted, where its files still have it', async () => {
    await written(server, 'del', someLines(random, 300));
    await backup(server, directory, ['del']);
    const done = await results(
      server,
      'del',
      "DELETE FROM m0 WHERE time >= 0 AND time < 20; DELETE WHERE host = 'h1'; DROP SERIES FROM m1 WHERE host = 'h2'; DROP MEASUREMENT m2",
    );
    await written(server, 'del', 'm1,host=h2 f=1 5');
    expect(done.flatMap(({ error }) => error ?? [])).to.deep.equal([]);
    const { path } = await backup(server, directory, ['del']);
    expect((await run(other, ['restore', path])).code).to.equal(0);
    expect(await results(other, 'del', EVERYTHING)).to.deep.equal(await results(server, 'del', EVERYTHING));
  });

  it('a chain of archives tells what was deleted between them, whatever the shards', async () => {
    await written(server, 'cut', someLines(random, 600));
    const first = await backup(server, directory, ['cut']);
    const chain = [first.path];
    const deletes = [
      "DELETE FROM m0 WHERE time >= 10 AND time < 604800000000020; DELETE FROM m1 WHERE host = 'h1' AND time < 0",
      "DROP SERIES FROM m1 WHERE host = 'h2'",
      'DROP MEASUREMENT m2; DROP MEASUREMENT passing',
    ];
    for (const [i, text] of deletes.entries()) {
      await written(server, 'cut', `${someLines(random, 60)}\npassing n=1 1`);
      const done = await results(server, 'cut', text);
      expect(done.flatMap(({ error }) => error ?? [])).to.deep.equal([]);
      // some of it comes again, one field with another type
      await written(
        server,
        'cut',
        i === 2 ? 'm2,host=h2 f="text" 5' : 'm0,host=h1 f=7 12\nm1,host=h2 f=8 -604799999999999',
      );
      chain.push((await backup(server, directory, ['cut'], ['--since', chain.at(-1)!])).path);
    }
    const { code, err } = await run(other, ['restore', ...chain]);
    expect([code, err]).to.satisfy(([status]: [number]) => status === 0, err);
    const last = await backup(server, directory, ['cut']);
    await run(other, ['restore', last.path, '--as', 'cut whole']);
    expect(await results(other, 'cut', EVERYTHING)).to.deep.equal(await results(other, 'cut whole', EVERYTHING));
    const rows = 'SELECT *::field FROM /.*/ GROUP BY *; SHOW SERIES';
    expect(await results(other, 'cut', rows)).to.deep.equal(await results(server, 'cut', rows));
    const { replaced, format } = JSON.parse(execFileSync('tar', ['xOf', chain[1], 'backup.json']).toString());
    expect([format, replaced]).to.deep.equal([
      2,
      [
        { database: 'cut', measurement: 'm0', minTime: '10', maxTime: '604800000000019' },
        { database: 'cut', measurement: 'm1', minTime: null, maxTime: '-1' },
      ],
    ]);
    // whoever holds the first of them needs no more than one
    const since = await backup(server, directory, ['cut'], ['--since', first.position]);
    await run(other, ['restore', first.path, since.path, '--as', 'cut short']);
    expect(await results(other, 'cut short', EVERYTHING)).to.deep.equal(await results(other, 'cut whole', EVERYTHING));
  });

  it('taken while writes go on, it is the state at the position it names', async () => {
    const single = await startServer([...QUIET, '--shards', '1', '--workers', '1']);
    try {
      /** Sequence of each write; a later one of the same point wins. */
      const sequences: number[] = [];
      let isWriting = true;
      const writing = (async () => {
        for (let i = 0; isWriting || i < 20; i++) {
          const token = await written(single, 'w', `p,k=${i % 7} n=${i}i ${i % 50}`);
          sequences.push(decodePosition(token)![0].sequence);
        }
      })();
      for (let round = 0; round < 4; round++) {
        while (sequences.length < 30 * (round + 1)) await new Promise((resolve) => setTimeout(resolve, 5));
        const { path, position } = await backup(single, directory, []);
        const [{ sequence }] = decodePosition(position)!;
        await run(single, ['restore', path, '--db', 'w', '--as', `w${round}`]);
        const points = new Map<string, number>();
        sequences.forEach((of, i) => {
          if (of <= sequence) points.set(`${i % 7} ${i % 50}`, i);
        });
        const found = (await series(single, `w${round}`, 'SELECT n FROM p GROUP BY k')).flatMap(({ tags, values }) =>
          values.map(([time, n]) => [`${tags!.k} ${time}`, n] as [string, number]),
        );
        expect(new Map(found.sort())).to.deep.equal(new Map([...points].sort()));
      }
      isWriting = false;
      await writing;
    } finally {
      await single.stop();
    }
  });

  it('goes through pipes, and restores one of several databases', async () => {
    const piped = await run(server, ['backup', '-']);
    expect(piped.err).to.match(/rows of \d databases\nposition \S+\n$/);
    expect((await run(other, ['restore', '-', '--db', 'b', '--as', 'bee'], piped.bytes)).code).to.equal(0);
    expect(await series(other, 'bee', 'SELECT * FROM only')).to.deep.equal(
      await series(server, 'b', 'SELECT * FROM only'),
    );
    const several = await run(other, ['restore', '-', '--as', 'x'], piped.bytes);
    expect(several.err).to.contain('--as is for one database');
  });

  it('shows a bar on a terminal', async () => {
    await written(server, 'a', 'm0 f=1 1');
    const out = await temporaryDirectory();
    const shell = `"${process.execPath}" client/cli/main.ts backup "${out}" --url ${server.http}`;
    const text = execFileSync('script', ['--quiet', '--return', '--command', shell, '/dev/null'])
      .toString()
      .replaceAll('\x1b[K', '');
    expect(text).to.match(/\rbackup: █{24} 100 %, [\d.]+ k?B in [\d.]+ s, \d+ rows of \d databases\r\n/);
  });

  it('finds damage anywhere, with its file and place, without a server, and restores nothing of it', async () => {
    const { path } = await backup(server, directory, ['b']);
    const sound = await readFile(path);
    expect((await run(null, ['restore', '--verify', path])).code).to.equal(0);
    const bad = join(directory, 'bad.tar');
    for (let i = 0; i < 12; i++) {
      const at = random.between(0, sound.length - 1);
      const bytes = Buffer.from(sound);
      bytes[at] ^= 1 << random.between(0, 7);
      await writeFile(bad, bytes);
      const found = await run(null, ['restore', '--verify', bad]);
      expect([at, found.code]).to.deep.equal([at, 1]);
      expect(found.err).to.match(
        /bad\.tar: ("[^"\n]+" is damaged at byte \d+ of the archive: |"[^"\n]+" has \d+ bytes, |backup\.json: format )/,
      );
    }
    const bucket = sound.indexOf('shard-');
    const place = sound.indexOf('.bucket\0', 2 * 512) - 16;
    expect(bucket).to.be.greaterThan(0);
    const bytes = Buffer.from(sound);
    bytes[place + 512 + 40] ^= 4;
    await writeFile(bad, bytes);
    const found = await run(null, ['restore', '--verify', bad]);
    expect(found.err).to.match(
      /"shard-\d\/\d{8}\.bucket" is damaged at byte \d+ of the archive: its \d+ bytes have the checksum/,
    );
    for (const length of [sound.length - 1, sound.length - 1024, 700, 0]) {
      await writeFile(bad, sound.subarray(0, length));
      expect((await run(null, ['restore', '--verify', bad])).err).to.contain('the archive ends here');
    }
    const refused = await run(other, ['restore', bad, '--as', 'never']);
    expect(refused.code).to.equal(1);
    expect((await series(other, '', 'SHOW DATABASES'))[0].values.flat()).to.not.include('never');
  });

  it('refuses a bucket whose field has another type there, in words', async () => {
    const { path } = await backup(server, directory, ['b']);
    await written(other, 'typed', 'only n="text" 1');
    const refused = await run(other, ['restore', path, '--as', 'typed']);
    expect(refused.err).to.contain('field "n" of "only" is float in the archive: it is string in "typed"');
  });
});
