/** The command line as a process: output, standard input, exit codes. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { brailleChart } from '../../../../client/cli/braille.ts';
import { csvOf, grid, rowLine } from '../../../../client/cli/format.ts';
import { deadUrl, type FakeServer, startFakeServer } from '../../../support/fake-server.ts';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], input = '', until?: (out: string) => boolean): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['client/cli/main.ts', ...args], { env: { ...process.env, NO_COLOR: '1' } });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => {
      out += data;
      if (until?.(out)) child.kill('SIGINT');
    });
    child.stderr.on('data', (data) => {
      err += data;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });
}

describe('cli', () => {
  let server: FakeServer;

  before(async () => {
    const series = [
      {
        name: 'cpu',
        tags: { host: 'a' },
        columns: ['time', 'mean'],
        values: [
          ['2026-01-01T00:00:00Z', 0.5],
          ['2026-01-01T00:01:00Z', null],
        ],
      },
    ];
    server = await startFakeServer({
      query: ({ q }) => {
        if (q.startsWith('SELECT broken')) return { status: 400, body: { error: 'error parsing query: broken' } };
        if (q.startsWith('SELECT late'))
          return { status: 200, body: { results: [{ statement_id: 0, error: 'too late' }] } };
        return { status: 200, body: { results: [{ statement_id: 0, series }] } };
      },
      live: (session, frame) => {
        if (frame.op !== 'subscribe') return;
        session.send({ op: 'subscribed', id: frame.id, query: frame.q });
        session.send({ op: 'rows', id: frame.id, phase: 'snapshot', final: true, rev: 0, series, cursor: 'c1' });
      },
    });
  });
  after(() => server.stop());

  function flags(): string[] {
    return ['--url', server.url];
  }

  it('prints a table, CSV and JSON', async () => {
    const [table, csv, json] = await Promise.all(
      ['table', 'csv', 'json'].map((format) =>
        run(['query', ...flags(), '--db', 'd', '--format', format, 'SELECT', '1']),
      ),
    );
    expect(table.out).to.equal(
      'cpu{host=a}\ntime                  mean\n────────────────────  ────\n2026-01-01T00:00:00Z   0.5\n2026-01-01T00:01:00Z\n',
    );
    expect(csv.out).to.equal(
      'name,tags,time,mean\ncpu,host=a,2026-01-01T00:00:00Z,0.5\ncpu,host=a,2026-01-01T00:01:00Z,\n',
    );
    expect(JSON.parse(json.out).results[0].series[0].name).to.equal('cpu');
    expect([table.code, csv.code, json.code]).to.deep.equal([0, 0, 0]);
  });

  it('reads the query from standard input', async () => {
    const { out, code } = await run(['query', ...flags(), '--db', 'd', '--format', 'csv'], 'SELECT 1\n');
    expect(out).to.contain('cpu,host=a');
    expect(code).to.equal(0);
  });

  it('says errors in one line, with an exit code for each kind', async () => {
    const dead = await deadUrl();
    const [refused, inside, usage, choice, away] = await Promise.all([
      run(['query', ...flags(), 'SELECT broken']),
      run(['query', ...flags(), 'SELECT late']),
      run(['fly']),
      run(['query', ...flags(), '--format', 'xml', 'SELECT 1']),
      run(['ping', '--url', dead]),
    ]);
    expect([refused.code, refused.err]).to.deep.equal([1, 'millrace: error parsing query: broken\n']);
    expect([inside.code, inside.err]).to.deep.equal([1, 'millrace: too late\n']);
    expect(usage.code).to.equal(2);
    expect(choice.code).to.equal(2);
    expect([away.code, away.err]).to.deep.equal([3, `millrace: no answer from ${dead}: ECONNREFUSED\n`]);
  });

  it('pings', async () => {
    const { out, code } = await run(['ping', ...flags()]);
    expect(out).to.match(/answers: 1\.8\.10-fake, [\d.]+ ms\n$/);
    expect(code).to.equal(0);
  });

  it('writes lines from arguments, standard input and files, gzipped where asked', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
    try {
      await writeFile(join(folder, 'lines.gz'), gzipSync('m x=4 4\n'));
      const before = server.written.length;
      const ended = [
        await run(['write', ...flags(), '--db', 'd', '--precision', 's', 'm x=1 1', 'm x=2 2']),
        await run(['write', ...flags(), '--db', 'd', '--gzip'], '# comment\nm x=3 3\n'),
        await run(['write', ...flags(), '--db', 'd', '--file', join(folder, 'lines.gz')]),
      ];
      expect(ended.map(({ out }) => out)).to.deep.equal([
        '2 lines written, position MS4x\n',
        '1 line written, position MS4x\n',
        '1 line written, position MS4x\n',
      ]);
      const written = server.written.slice(before);
      expect(written.map(({ lines }) => lines.trim())).to.deep.equal([
        'm x=1 1\nm x=2 2',
        '# comment\nm x=3 3',
        'm x=4 4',
      ]);
      expect(written[0].parameters.get('precision')).to.equal('s');
      expect(written[1].headers['content-encoding']).to.equal('gzip');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('tails and watches as lines into a pipe, and ends on Ctrl+C', async () => {
    const line = '2026-01-01T00:00:00Z cpu{host=a} mean=0.5\n2026-01-01T00:01:00Z cpu{host=a} -\n';
    const ended = await Promise.all(
      ['tail', 'watch'].map((command) =>
        run([command, ...flags(), '--db', 'd', 'SELECT', '1'], '', (out) => out.includes('00:01:00Z')),
      ),
    );
    for (const { out, code } of ended) expect([out, code]).to.deep.equal([line, 0]);
  });

  it('formats cells that need care', () => {
    expect(csvOf([{ name: 'a,b', columns: ['time', 's'], values: [[1, 'say "hi"\n']] }])).to.equal(
      'name,tags,time,s\n"a,b",,1,"say ""hi""\n"\n',
    );
    expect(grid(['a'], [['x\ny']])).to.equal('a\n───\nx y\n');
    expect(rowLine('m', {}, ['time', 's', 'n'], [1, 'x', null])).to.equal('1 m s="x"');
  });

  it('draws dots: a rising line from the lower left to the upper right', () => {
    const lines = brailleChart([0, 1000], [{ values: [0, 10] }], 30, 5).map((line) => stripVTControlCharacters(line));
    expect(lines.length).to.equal(5);
    expect(lines[0]).to.match(/^ +10 ┤ +\S+$/);
    expect(lines[3]).to.match(/^ +0 ┤\S+ +$/);
  });
});
