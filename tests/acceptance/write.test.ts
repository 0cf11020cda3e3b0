/** `/write` and `/api/v2/write` on the real server: what is kept, what is refused, and in which words. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { ask, eventually, series, write, written } from '../support/api.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

/** `max-body-size` of InfluxDB, and ours. */
const BODY_BYTES_MAX = 25_000_000;

describe('writing over HTTP', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer(QUIET);
  });

  after(() => server.stop());

  for (const ack of ['none', 'queued', 'disk', 'quorum']) {
    it(`keeps a point with ack=${ack} and says where it stands`, async () => {
      const after = await written(server, 'acks', `m,ack=${ack} v=1i 1`, { ack });
      expect(after).to.match(/^[\w-]+$/);
      const found = await series(server, 'acks', `SELECT "v" FROM "m" WHERE "ack" = '${ack}'`, { after });
      expect(found[0].values).to.deep.equal([[1, 1]]);
    });
  }

  for (const consistency of ['any', 'one', 'quorum', 'all']) {
    it(`takes InfluxDB's consistency=${consistency}`, async () => {
      expect((await write(server, 'acks', 'c v=1', { consistency })).status).to.equal(204);
    });
  }

  for (const [precision, time] of [
    ['n', 3],
    ['ns', 3],
    ['u', 3_000],
    ['ms', 3_000_000],
    ['s', 3_000_000_000],
    ['m', 180_000_000_000],
    ['h', 10_800_000_000_000],
  ] as const) {
    it(`reads times in precision ${precision}`, async () => {
      await written(server, 'precision', `${precision} v=1 3`, { precision });
      expect((await series(server, 'precision', `SELECT "v" FROM "${precision}"`))[0].values).to.deep.equal([
        [time, 1],
      ]);
    });
  }

  it('keeps every type of field', async () => {
    await written(server, 'types', 'm f=1.5,i=-7i,b=true,s="a \\"b\\" ü" 1');
    const [{ columns, values }] = await series(server, 'types', 'SELECT "f", "i", "b", "s" FROM "m"');
    expect(columns).to.deep.equal(['time', 'f', 'i', 'b', 's']);
    expect(values).to.deep.equal([[1, 1.5, -7, true, 'a "b" ü']]);
  });

  it('unpacks gzip, and refuses what is cut off without keeping any of it', async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `m,host=h${i} v=${i}i ${i + 1}`).join('\n');
    const packed = new Uint8Array(gzipSync(lines));
    const headers = { 'Content-Encoding': 'gzip' };
    expect((await write(server, 'zip', packed, {}, headers)).status).to.equal(204);
    expect((await series(server, 'zip', 'SELECT sum("v") FROM "m"'))[0].values[0][1]).to.equal(1_999_000);
    const cut = await write(server, 'zipcut', packed.slice(0, packed.length >> 1), {}, headers);
    expect([cut.status, await cut.json()]).to.deep.equal([400, { error: 'body is not gzip: unexpected end of file' }]);
    const unknown = await write(server, 'zip', packed, {}, { 'Content-Encoding': 'br' });
    expect(unknown.status).to.equal(400);
    expect(await shown(server, 'SHOW DATABASES')).to.not.include('zipcut');
  });

  it('keeps the good lines of a body and tells the numbers of the bad ones', async () => {
    const lines = 'p v=1 1\np v= 2\n# a comment\n\np v="text" 5\np v=6 6\nno fields';
    const response = await write(server, 'partial', lines);
    expect(response.status).to.equal(400);
    const { error } = (await response.json()) as { error: string };
    expect(error).to.match(/^partial write: line 2: unable to parse 'p v= 2': /);
    expect(error).to.include('line 5: field type conflict: input field "v" on measurement "p" is type string');
    expect(error).to.include("line 7: unable to parse 'no fields'");
    expect(error).to.match(/dropped=1$/);
    expect((await series(server, 'partial', 'SELECT "v" FROM "p"'))[0].values).to.deep.equal([
      [1, 1],
      [6, 6],
    ]);
  });

  it('refuses a body without one good line', async () => {
    const response = await write(server, 'partial', 'nothing good');
    expect(response.status).to.equal(400);
    expect(((await response.json()) as { error: string }).error).to.match(/^unable to parse 'nothing good'/);
  });

  it('refuses bodies beyond the limit, packed or not, and keeps serving', async () => {
    expect(await statusOfPost(server, `Content-Length: ${BODY_BYTES_MAX + 1}`, 1)).to.equal(413);
    expect(await statusOfPost(server, 'Transfer-Encoding: chunked', BODY_BYTES_MAX + 1)).to.equal(413);
    const packed = new Uint8Array(gzipSync(new Uint8Array(BODY_BYTES_MAX + 1).fill(97)));
    const bomb = await write(server, 'large', packed, {}, { 'Content-Encoding': 'gzip' });
    expect(bomb.status).to.equal(413);
    expect(((await bomb.json()) as { error: string }).error).to.include(String(BODY_BYTES_MAX));
    await written(server, 'partial', 'still v=1');
  });

  it('names what is wrong with the parameters', async () => {
    const wrong = async (parameters: Record<string, string>): Promise<unknown> => {
      const search = new URLSearchParams(parameters);
      const response = await fetch(`${server.http}/write?${search}`, { method: 'POST', body: 'm v=1' });
      return [response.status, ((await response.json()) as { error: string }).error];
    };
    expect(await wrong({})).to.deep.equal([400, 'database is required']);
    expect(await wrong({ db: 'd', precision: 'weeks' })).to.deep.equal([
      400,
      'invalid precision "weeks" (use n, u, ms, s, m or h)',
    ]);
    expect(await wrong({ db: 'd', ack: 'soon' })).to.deep.equal([
      400,
      'invalid ack "soon" (use none, queued, disk, quorum)',
    ]);
    expect((await fetch(`${server.http}/write?db=d`)).status).to.equal(405);
  });

  it('takes the write of version 2', async () => {
    const send = (query: string): Promise<Response> =>
      fetch(`${server.http}/api/v2/write?${query}`, {
        method: 'POST',
        body: 'm v=2 7',
        headers: { Authorization: 'Token any' },
      });
    expect((await send('bucket=v2/autogen&precision=ms')).status).to.equal(204);
    expect((await series(server, 'v2', 'SELECT "v" FROM "m"'))[0].values).to.deep.equal([[7_000_000, 2]]);
    expect((await send('precision=ms')).status).to.equal(400);
    expect((await send('bucket=v2&precision=weeks')).status).to.equal(400);
  });

  it('survives bodies that want too much', async () => {
    const deep = `m,${Array.from({ length: 20_000 }, (_, i) => `t${i}=v`).join(',')} v=1 1`;
    expect((await write(server, 'odd', deep)).status).to.be.oneOf([204, 400]);
    expect((await write(server, 'odd', `m,host=${'x'.repeat(100_000)} v=1 1`)).status).to.equal(400);
    for (const value of ['NaN', 'Inf', '-Inf', '1e999', '9223372036854775808i']) {
      expect((await write(server, 'odd', `m v=${value} 1`)).status, value).to.equal(400);
    }
    expect((await write(server, 'odd', 'm v=1 9223372036854775808')).status).to.equal(400);
    const invalid = new Uint8Array([109, 44, 104, 61, 0xff, 0xfe, 32, 118, 61, 49, 32, 49]);
    expect((await write(server, 'odd', invalid)).status).to.be.oneOf([204, 400]);
    await written(server, 'odd', 'fine v=1 1');
    expect((await series(server, 'odd', 'SELECT "v" FROM "fine"'))[0].values).to.deep.equal([[1, 1]]);
  });
});

describe('writing to a server that makes no databases', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--auto-create=false', '--door', 'node']);
  });

  after(() => server.stop());

  it('answers 404 as InfluxDB does, until the database is made', async () => {
    const refused = await write(server, 'later', 'm v=1 1');
    expect([refused.status, await refused.json()]).to.deep.equal([404, { error: 'database not found: "later"' }]);
    await ask(server, { q: 'CREATE DATABASE "later"' }, { method: 'POST' });
    await written(server, 'later', 'm v=1 1');
    expect((await series(server, 'later', 'SELECT "v" FROM "m"'))[0].values).to.deep.equal([[1, 1]]);
  });
});

// private functions

async function shown(server: TestServer, q: string): Promise<unknown[]> {
  const found = await series(server, '', q);
  return (found[0]?.values ?? []).map((row) => row[0]);
}

/** Sends a write with so many bytes of body (in chunks, where the header says so) until an answer comes; its status. */
async function statusOfPost(server: TestServer, header: string, bytes: number): Promise<number> {
  const { hostname, port } = new URL(server.http);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (data) => {
    answer += data;
  });
  // a server that has refused may close before all is sent
  socket.on('error', () => {});
  socket.write(`POST /write?db=large HTTP/1.1\r\nHost: ${hostname}\r\n${header}\r\n\r\n`);
  const piece = 'a'.repeat(64 * 1024);
  for (let sent = 0; sent < bytes && answer === '' && !socket.destroyed; sent += piece.length) {
    const part = header.startsWith('Transfer') ? `${piece.length.toString(16)}\r\n${piece}\r\n` : 'a';
    if (!socket.write(part)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
  await eventually(
    () => answer,
    (text) => text.includes('\r\n'),
  );
  socket.destroy();
  return Number(answer.split(' ')[1]);
}
