/** `millrace backup` and `restore` as processes against real servers: what is saved while writes go on comes back as it was. */
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { decodePosition } from '../../model/index.ts';
import { results, series, written } from '../support/api.ts';
import { backup, everything, run, someLines } from '../support/backups.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SEED = seedOfRun();

/** What a client can see of rows: a chain does not bring back the types of fields that have none. */
const ROWS = 'SELECT *::field FROM /.*/ GROUP BY *; SHOW SERIES';

describe(`backup and restore (SEED=${SEED})`, () => {
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
    expect(await everything(other, 'a')).to.deep.equal(await everything(server, 'a'));
    const beside = await run(server, ['restore', path, '--as', 'c']);
    expect(beside.err).to.match(/^verifying: [^█\r]+\nrestoring: [^█\r]+ rows into c\n$/);
    expect(await everything(server, 'c')).to.deep.equal(await everything(server, 'a'));
    // twice is once
    await run(server, ['restore', path, '--as', 'c']);
    expect(await everything(server, 'c')).to.deep.equal(await everything(server, 'a'));
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
    expect(await everything(other, 'chained')).to.deep.equal(await everything(other, 'whole'));
    expect(await everything(other, 'whole')).to.deep.equal(await everything(server, 'a'));
    expect((await readFile(chain[1])).length).to.be.lessThan((await readFile(last.path)).length);
    const gap = await run(other, ['restore', chain[0], chain[2]]);
    expect([gap.code, gap.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && err.includes('does not follow'),
    );
  });

  it('a chain tells which databases were dropped between its archives, and brings what came back', async () => {
    await written(server, 'gone', 'm v=1 1');
    await written(server, 'again', 'm,host=a v=1 1\nold v=1 1');
    await results(server, '', 'CREATE RETENTION POLICY short ON again DURATION 30w REPLICATION 1');
    const first = await backup(server, directory, []);
    await results(server, '', 'DROP DATABASE gone; DROP DATABASE again');
    const without = await backup(server, directory, [], ['--since', first.path]);
    // one field with another type
    await written(server, 'again', 'm,host=b v="text" 2');
    const since = await backup(server, directory, [], ['--since', without.path]);
    const { replaced } = JSON.parse(execFileSync('tar', ['xOf', without.path, 'backup.json']).toString());
    const all = { measurement: null, condition: null, minTime: null, maxTime: null };
    expect(replaced).to.have.deep.members([
      { database: 'gone', ...all },
      { database: 'again', ...all },
    ]);
    const copy = await startServer([...QUIET, '--shards', '2', '--workers', '1']);
    try {
      expect((await run(copy, ['restore', first.path])).code).to.equal(0);
      expect(await series(copy, 'gone', 'SELECT * FROM m')).to.have.length(1);
      const { code, err } = await run(copy, ['restore', without.path, since.path]);
      expect([code, err]).to.satisfy(([status]: [number]) => status === 0, err);
      expect((await series(copy, '', 'SHOW DATABASES'))[0].values.flat()).to.not.include('gone');
      expect(await everything(copy, 'again')).to.deep.equal(await everything(server, 'again'));
    } finally {
      await copy.stop();
    }
  });

  it(`a random schedule of deletes, drops and writes, in chains, is what a full backup is (SEED=${SEED})`, async () => {
    const small = ['--head-bytes', '12288', '--log-keep-bytes', '0'];
    const source = await startServer([...QUIET, ...small, '--shards', '3', '--workers', '2']);
    try {
      const chain: string[] = [];
      for (let step = 0; step < 4; step++) {
        for (let i = random.between(1, 3); i > 0; i--) {
          for (const db of ['r', 's']) await written(source, db, someLines(random, random.between(1, 200)));
          const db = random.pick(['r', 's']);
          const done = await results(source, db, removalText(random, db));
          expect(done.flatMap(({ error }) => error ?? [])).to.deep.equal([]);
        }
        // so that both are there in the end, and sometimes one is not before
        if (step === 3) for (const db of ['r', 's']) await written(source, db, someLines(random, 50));
        const flags = chain.length === 0 ? [] : ['--since', chain.at(-1)!];
        chain.push((await backup(source, directory, [], flags)).path);
      }
      const last = await backup(source, directory, []);
      for (const db of ['r', 's']) {
        const { code, err } = await run(other, ['restore', ...chain, '--db', db, '--as', `chain of ${db}`]);
        expect([code, err]).to.satisfy(([status]: [number]) => status === 0, err);
        const found = await results(other, `chain of ${db}`, ROWS);
        await run(other, ['restore', last.path, '--db', db, '--as', `whole ${db}`]);
        expect(found).to.deep.equal(await results(other, `whole ${db}`, ROWS));
        expect(found).to.deep.equal(await results(source, db, ROWS));
      }
    } finally {
      await source.stop();
    }
  });

  it('a delete by tags between two archives brings of old rows none', async () => {
    const week = 604_800_000_000_000;
    const lines = Array.from({ length: 3000 }, (_, i) => `m,host=h${i % 10} n=${i}i ${(i % 3) * week + i}`).join('\n');
    await written(server, 'tags', lines);
    const full = await backup(server, directory, ['tags']);
    await results(server, 'tags', "DELETE FROM m WHERE host = 'h3'; DELETE WHERE host =~ /h[45]/ AND time < 1500");
    await written(server, 'tags', 'm,host=h3 n=1i 7');
    const since = await backup(server, directory, ['tags'], ['--since', full.path]);
    const { replaced, files } = JSON.parse(execFileSync('tar', ['xOf', since.path, 'backup.json']).toString());
    expect(replaced).to.have.deep.members([
      { database: 'tags', measurement: 'm', condition: "host = 'h3'", minTime: null, maxTime: null },
      { database: 'tags', measurement: 'm', condition: 'host =~ /h[45]/', minTime: null, maxTime: '1499' },
    ]);
    expect(files.map(({ rows }: { rows: number }) => rows)).to.deep.equal([1]);
    expect((await run(other, ['restore', full.path, since.path])).code).to.equal(0);
    expect(await everything(other, 'tags')).to.deep.equal(await everything(server, 'tags'));
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
    expect(await everything(other, 'del')).to.deep.equal(await everything(server, 'del'));
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
    expect(await everything(other, 'cut')).to.deep.equal(await everything(other, 'cut whole'));
    expect(await results(other, 'cut', ROWS)).to.deep.equal(await results(server, 'cut', ROWS));
    const { replaced, format } = JSON.parse(execFileSync('tar', ['xOf', chain[1], 'backup.json']).toString());
    expect([format, replaced]).to.deep.equal([
      3,
      [
        { database: 'cut', measurement: 'm0', condition: null, minTime: '10', maxTime: '604800000000019' },
        { database: 'cut', measurement: 'm1', condition: "host = 'h1'", minTime: null, maxTime: '-1' },
      ],
    ]);
    // whoever holds the first of them needs no more than one
    const since = await backup(server, directory, ['cut'], ['--since', first.position]);
    await run(other, ['restore', first.path, since.path, '--as', 'cut short']);
    expect(await everything(other, 'cut short')).to.deep.equal(await everything(other, 'cut whole'));
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

// private functions

function removalText(random: Random, database: string): string {
  const [measurement, host] = [`m${random.between(0, 2)}`, `h${random.between(0, 5)}`];
  const from = random.between(-2, 3) * 604_800_000_000_000 + random.between(0, 40);
  const times = random.pick([`time >= ${from} AND time < ${from + 15}`, `time < ${from}`]);
  const luck = random.next();
  if (luck < 0.1) return `DROP DATABASE ${database}`;
  if (luck < 0.2) return `DROP MEASUREMENT ${measurement}`;
  if (luck < 0.3) return `DROP SERIES FROM ${measurement} WHERE host = '${host}'`;
  if (luck < 0.5) return `DELETE FROM ${measurement} WHERE ${times}`;
  if (luck < 0.7) return `DELETE WHERE (host = '${host}' OR x =~ /0/) AND ${times}`;
  return `DELETE FROM ${measurement} WHERE host != '${host}' AND ${times}`;
}
