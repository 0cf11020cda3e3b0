/** The command line against the real server: write, query and tail as a user would. */
import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { startServer, type TestServer } from '../support/server.ts';

describe('command line and server', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  function run(
    args: readonly string[],
    input = '',
    enough?: (out: string) => boolean,
  ): Promise<{ code: number | null; out: string; err: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, ['client/cli/main.ts', ...args], {
        env: { ...process.env, MILLRACE_URL: server.http },
      });
      const told = { out: '', err: '' };
      child.stdout.on('data', (data) => {
        told.out += data;
        if (enough?.(told.out)) child.kill('SIGINT');
      });
      child.stderr.on('data', (data) => {
        told.err += data;
      });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, ...told }));
      child.stdin.end(input);
    });
  }

  it('writes from standard input and asks for it', async () => {
    const written = await run(
      ['write', '--db', 'shop', '--precision', 's', '--gzip'],
      'sold,fruit=pear n=1 10\nsold,fruit=pear n=2 20\n',
    );
    expect(written.out).to.match(/^2 lines written, position \S+\n$/);
    const asked = await run(['query', '--db', 'shop', '--format', 'csv', 'SELECT sum(n) FROM sold GROUP BY fruit']);
    expect(asked.out).to.equal('name,tags,time,sum\nsold,fruit=pear,1970-01-01T00:00:00Z,3\n');
    expect([written.code, asked.code]).to.deep.equal([0, 0]);
  });

  it('tells a parse error with its place', async () => {
    const { code, err } = await run(['query', '--db', 'shop', 'SELECT n FORM sold']);
    expect(code).to.equal(1);
    expect(err).to.contain('found FORM').and.to.contain('char 10');
  });

  it('tails what another process writes', async () => {
    let wrote = false;
    const { out, code } = await run(['tail', '--db', 'shop', 'SELECT n FROM sold WHERE time >= 0'], '', (sofar) => {
      if (!wrote && sofar.includes('n=2')) {
        wrote = true;
        void run(['write', '--db', 'shop', 'sold,fruit=plum n=7 30000000000']);
      }
      return sofar.includes('n=7');
    });
    expect(out).to.contain('1970-01-01T00:00:30Z sold n=7');
    expect(code).to.equal(0);
  });

  it('pings', async () => {
    expect((await run(['ping'])).out).to.contain(`${server.http} answers: 1.8.10-millrace`);
  });
});
