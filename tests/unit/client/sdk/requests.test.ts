/** The HTTP half of the SDK: what is sent, and which error each answer becomes. */
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { Millrace, MillraceError } from '../../../../client/sdk/index.ts';
import { deadUrl, type FakeAnswer, type FakeServer, startFakeServer } from '../../../support/fake-server.ts';

describe('sdk/requests', () => {
  let server: FakeServer;
  let client: Millrace;
  let answer: FakeAnswer;
  let asked: URLSearchParams;

  before(async () => {
    server = await startFakeServer({
      query: ({ parameters }) => {
        asked = parameters;
        return answer;
      },
      write: () => answer,
    });
    client = new Millrace({ url: `${server.url}/`, token: 'secret' });
  });
  after(() => server.stop());

  async function failure(promise: Promise<unknown>): Promise<MillraceError> {
    const error = await promise.catch((caught) => caught);
    expect(error).to.be.instanceOf(MillraceError);
    return error as MillraceError;
  }

  it('writes points and text, with precision, ack and token, and gives the position', async () => {
    answer = { status: 204, headers: { 'x-millrace-position': 'p1' } };
    const points = [{ measurement: 'm', fields: { x: 1 }, time: new Date(2000) }];
    expect(await client.write('d b', points, { precision: 'us', ack: 'queued' })).to.equal('p1');
    const { parameters, lines, headers } = server.written.at(-1)!;
    expect(Object.fromEntries(parameters)).to.deep.equal({ db: 'd b', precision: 'u', ack: 'queued' });
    expect(lines).to.equal('m x=1 2000000');
    expect(headers.authorization).to.equal('Token secret');
  });

  it('recognises gzipped bytes', async () => {
    answer = { status: 204 };
    await client.write('db', gzipSync('m x=1'));
    expect(server.written.at(-1)!.headers['content-encoding']).to.equal('gzip');
    expect(server.written.at(-1)!.lines).to.equal('m x=1');
  });

  it('asks with epoch, after and parameters', async () => {
    answer = {
      status: 200,
      body: { results: [{ statement_id: 0, series: [{ name: 'm', columns: ['time'], values: [[1]] }] }] },
    };
    const [result] = await client.query('db', 'SELECT 1', { epoch: 'ms', after: 'p1', params: { a: 1 } });
    expect(result.series?.[0].values).to.deep.equal([[1]]);
    expect(Object.fromEntries(asked)).to.deep.equal({
      db: 'db',
      epoch: 'ms',
      after: 'p1',
      q: 'SELECT 1',
      params: '{"a":1}',
    });
  });

  it('finds the place of a parse error in a text of several lines', async () => {
    answer = { status: 400, body: { error: 'error parsing query: found FORM, expected FROM at line 2, char 3' } };
    const error = await failure(client.query('db', 'SELECT x\n  FORM m'));
    expect([error.code, error.status, error.at]).to.deep.equal(['parse', 400, 11]);
  });

  it('tells a partial write from a refused one, and when to come back', async () => {
    answer = { status: 400, body: { error: 'partial write: line 3' }, headers: { 'x-millrace-position': 'p2' } };
    const partial = await failure(client.write('db', 'm x=1'));
    expect([partial.code, partial.position]).to.deep.equal(['partial write', 'p2']);
    answer = { status: 503, body: { error: 'queue is full' }, headers: { 'retry-after': '2' } };
    const busy = await failure(client.write('db', 'm x=1'));
    expect([busy.code, busy.retryAfterMs]).to.deep.equal(['busy', 2000]);
    answer = { status: 404, body: { error: 'database not found: "db"' } };
    expect((await failure(client.write('db', 'm x=1'))).code).to.equal('database not found');
    answer = { status: 413, body: 'x' };
    expect((await failure(client.write('db', 'm x=1'))).code).to.equal('too large');
  });

  it('says that nobody is there, and that an address is none', async () => {
    const dead = await deadUrl();
    const error = await failure(new Millrace({ url: dead }).ping());
    expect([error.code, error.message]).to.deep.equal(['unreachable', `no answer from ${dead}: ECONNREFUSED`]);
    expect(() => new Millrace({ url: 'localhost:8086' })).to.throw('expected http://host:port');
  });
});
