/** `millrace export` as a process against the real server: what comes out is what was written, in every format. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { ask, results, written } from '../support/api.ts';
import { run as runCli } from '../support/backups.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

describe(`export (SEED=${SEED})`, () => {
  let server: TestServer;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'millrace-'));
    server = await startServer([...QUIET, '--shards', '3', '--workers', '2']);
  });

  after(async () => {
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('line protocol comes back as the same points: odd names, every type, every escape', async () => {
    const lines = fc.sample(oddLines, { seed: SEED, numRuns: 300 });
    await written(server, 'odd', lines.join('\n'));
    for (const measurement of new Set(lines.map((line) => NAMES.find((name) => line.startsWith(escapedName(name)))!))) {
      const file = join(directory, 'odd.lp');
      const out = await runCli(server, [
        'export',
        '--db',
        'odd',
        '--measurement',
        measurement,
        '--format',
        'line',
        '--output',
        file,
      ]);
      expect(out.err).to.match(/^exporting as line: [\d.]+ k?B in [\d.]+ s\n$/);
      const back = await runCli(server, ['write', '--db', 'again', '--file', file]);
      expect(back.err).to.equal('');
    }
    const q = 'SELECT *::field FROM /.*/ GROUP BY *; SHOW FIELD KEYS; SHOW SERIES';
    expect(await results(server, 'again', q)).to.deep.equal(await results(server, 'odd', q));
  });

  it('a measurement between two times, as Parquet, CSV and Arrow', async () => {
    await written(
      server,
      'd',
      'cpu,host=a v=1i 1000000000\ncpu,host=b v=9007199254740993i 2000000000\ncpu v=3i 3000000000',
    );
    const asked = [
      'export',
      '--db',
      'd',
      '--measurement',
      'cpu',
      '--from',
      '1970-01-01T00:00:01.5Z',
      '--to',
      '3000000001',
    ];
    const file = join(directory, 'cpu.parquet');
    expect((await runCli(server, [...asked, '--output', file])).code).to.equal(0);
    const bytes = await readFile(file);
    const read = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    });
    const expected = [
      { name: 'cpu', host: null, v: 3n },
      { name: 'cpu', host: 'b', v: 9007199254740993n },
    ];
    expect(read.map(({ name, host, v }) => ({ name, host, v }))).to.have.deep.members(expected);
    const arrow = tableFromIPC((await runCli(server, [...asked, '--format', 'arrow'])).bytes);
    expect(arrow.toArray().map(({ name, host, v }) => ({ name, host, v }))).to.have.deep.members(expected);
    expect((await runCli(server, [...asked, '--format', 'csv'])).bytes.toString()).to.equal(
      'name,tags,time,v\ncpu,,3000000000,3\ncpu,host=b,2000000000,9007199254740993\n',
    );
  });

  it('refuses in words, by its exit code, and leaves no file behind', async () => {
    const file = join(directory, 'none.parquet');
    const unknown = await runCli(server, ['export', '--db', 'nowhere', '--output', file, 'SELECT v FROM cpu']);
    expect([unknown.code, unknown.err]).to.deep.equal([1, 'millrace: database not found: nowhere\n']);
    const two = await runCli(server, ['export', '--db', 'd', '--output', file, 'SELECT v FROM cpu; SELECT v FROM cpu']);
    expect(two.err).to.contain('takes one statement');
    expect(await stat(file).catch(() => null)).to.equal(null);
    const both = await runCli(server, ['export', '--db', 'd', '--measurement', 'cpu', 'SELECT v FROM cpu']);
    expect(both.err).to.contain('not both');
  });

  for (const accept of ['application/vnd.apache.parquet', 'application/vnd.apache.arrow.stream']) {
    it(`an answer that fails behind its first rows breaks off: ${accept}`, async () => {
      await written(server, 'long', Array.from({ length: 140_000 }, (_, i) => `a,n=${i % 100} v=1 ${i}`).join('\n'));
      const response = await ask(
        server,
        { db: 'long', q: 'SELECT v FROM a GROUP BY n; SELECT v FROM a' },
        { headers: { accept } },
      );
      expect(response.status).to.equal(200);
      const outcome = await response.arrayBuffer().then(
        () => 'whole',
        () => 'broken off',
      );
      expect(outcome).to.equal('broken off');
    });
  }
});

// private functions

const NAMES = ['plain', 'a b', 'c,d=e', 'naïve "m"', 'back\\slash'];
const KEYS = ['k', 'k=1', 'a,b', 'x y', 'ü', 'q"q', 'w\\w'];
const TEXTS = ['v', 'v w', 'a=b', ',', '日本', '"', '\\d', '\\,'];

const number = fc.integer({ min: 0, max: 9 });
/** A field has one type, which stands in its name. */
const oddField = fc.record({
  key: fc.constantFrom(...KEYS),
  type: fc.constantFrom('f', 'i', 'u', 'b', 's'),
  n: number,
});
const oddLines = fc
  .record({
    name: fc.constantFrom(...NAMES),
    tags: fc.uniqueArray(fc.record({ key: fc.constantFrom(...KEYS), value: fc.constantFrom(...TEXTS) }), {
      maxLength: 3,
      selector: ({ key }) => key,
    }),
    fields: fc.uniqueArray(oddField, { minLength: 1, maxLength: 4, selector: ({ key, type }) => key + type }),
    time: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  })
  .map(({ name, tags, fields, time }) => {
    const set = tags.map(({ key, value }) => `,${escapedKey(key)}=${escapedKey(value)}`).join('');
    const values = fields.map(({ key, type, n }) => `${escapedKey(key + type)}=${fieldText(type, n)}`).join(',');
    return `${escapedName(name)}${set} ${values} ${time}`;
  });

function fieldText(type: string, n: number): string {
  switch (type) {
    case 'f':
      return ['0', '-0', '1e300', '-1.5', '5e-324', '0.1', '123456789', '1e21', '3', '-7'][n];
    case 'i':
      return `${['9223372036854775807', '-9223372036854775808', '9007199254740993', '0', '-1'][n % 5]}i`;
    case 'u':
      return `${['18446744073709551615', '9007199254740993', '0', '7', '1'][n % 5]}u`;
    case 'b':
      return n % 2 === 0 ? 'true' : 'F';
    default:
      return `"${['', 'two\nlines', '\\"', '\\\\', 'a,b=c d', '日本', '\\\\\\"', '\t', ' ', 'i'][n]}"`;
  }
}

function escapedName(text: string): string {
  return text.replace(/[, =]/g, '\\$&');
}

function escapedKey(text: string): string {
  return text.replace(/[, ="]/g, '\\$&').replace(/\\"/g, '"');
}
