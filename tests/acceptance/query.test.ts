/** `/query` on the real server: formats, chunks, parameters, errors, and reading one's own writes over several shards. */
import { inspect } from 'node:util';
import { expect } from 'chai';
import { ask, chunks, results, series, written } from '../support/api.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';
import { readMsgpack } from '../unit/server/answers/support/read-msgpack.ts';

const POINTS = ['cpu,host=a v=1 1000', 'cpu,host=b v=2 2000', 'cpu,host=a v=3 1000000000'].join('\n');
const ROWS = [
  [1000, 'a', 1],
  [2000, 'b', 2],
  [1_000_000_000, 'a', 3],
];

describe('queries over HTTP', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--shards', '4', '--workers', '2']);
    await written(server, 'd', POINTS);
  });

  after(() => server.stop());

  it('answers in JSON as InfluxDB does', async () => {
    const response = await ask(server, { db: 'd', q: 'SELECT * FROM cpu' });
    expect(response.headers.get('content-type')).to.equal('application/json');
    expect(response.headers.get('x-influxdb-version')).to.match(/^1\.8\.10-millrace/);
    expect(await response.text()).to.equal(
      '{"results":[{"statement_id":0,"series":[{"name":"cpu","columns":["time","host","v"],"values":[' +
        '["1970-01-01T00:00:00.000001Z","a",1],["1970-01-01T00:00:00.000002Z","b",2],["1970-01-01T00:00:01Z","a",3]]}]}]}\n',
    );
  });

  for (const [epoch, times] of [
    ['ns', [1000, 2000, 1_000_000_000]],
    ['u', [1, 2, 1_000_000]],
    ['ms', [0, 0, 1000]],
    ['s', [0, 0, 1]],
    ['h', [0, 0, 0]],
  ] as const) {
    it(`gives times in ${epoch}`, async () => {
      const [{ values }] = await series(server, 'd', 'SELECT "v" FROM "cpu"', { epoch });
      expect(values.map(([time]) => time)).to.deep.equal(times);
    });
  }

  it('sees a new series and its fields at once, on whichever shards they are, where few shards are asked', async () => {
    for (let n = 0; n < 12; n++) {
      await written(server, 'asked', `m,host=h${n} f${n}=${n} ${n}`);
      const own = await series(server, 'asked', `SELECT f${n} FROM m WHERE host = 'h${n}'`);
      expect(own.map(({ values }) => values)).to.deep.equal([[[n, n]]]);
      const [{ columns }] = await series(server, 'asked', "SELECT * FROM m WHERE host = 'h0'");
      expect(columns).to.include(`f${n}`);
    }
    const few = "SELECT count(*) FROM m WHERE host = 'h3' OR host = 'h4' OR host = 'nobody'";
    const [{ columns, values }] = await series(server, 'asked', few);
    expect([columns.length, values[0][columns.indexOf('count_f3')]]).to.deep.equal([13, 1]);
    expect(await series(server, 'asked', "SELECT * FROM m WHERE host = 'nobody'")).to.deep.equal([]);
  });

  it('sees a field, a tag and a measurement as soon as they are written, and as soon as they are gone', async () => {
    for (let n = 0; n < 12; n++) {
      await written(server, 'growing', `m${n % 3},host=a,tag${n}=x f${n}=1 ${n}`);
      const [{ columns }] = (await series(server, 'growing', `SELECT * FROM m${n % 3}`)).slice(-1);
      expect(columns).to.include.members([`f${n}`, `tag${n}`]);
      expect(await series(server, 'growing', 'SELECT * FROM /m./')).to.have.length(Math.min(3, n + 1));
    }
    await results(server, 'growing', 'DROP DATABASE growing');
    await written(server, 'growing', 'm1,host=a f=1 1');
    expect(await series(server, 'growing', 'SELECT * FROM m1')).to.deep.equal([
      { name: 'm1', columns: ['time', 'f', 'host'], values: [[1, 1, 'a']] },
    ]);
    expect(await series(server, 'growing', 'SELECT * FROM /m./')).to.have.length(1);
  });

  it('answers in CSV, NDJSON and msgpack', async () => {
    const get = (accept: string): Promise<Response> =>
      ask(server, { db: 'd', q: 'SELECT * FROM cpu', epoch: 'ns' }, { headers: { Accept: accept } });
    const csv = await get('application/csv');
    expect(csv.headers.get('content-type')).to.equal('text/csv');
    expect(await csv.text()).to.equal('name,tags,time,host,v\ncpu,,1000,a,1\ncpu,,2000,b,2\ncpu,,1000000000,a,3\n');
    const lines = (await (await get('application/x-ndjson')).text()).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).to.deep.equal(
      ROWS.map(([time, host, v]) => ({ statement_id: 0, name: 'cpu', row: { time, host, v } })),
    );
    const packed = await get('application/x-msgpack');
    expect(packed.headers.get('content-type')).to.equal('application/x-msgpack');
    expect(inspect(readMsgpack(new Uint8Array(await packed.arrayBuffer())), { depth: 9 })).to.include("name: 'cpu'");
  });

  it('streams chunks, each a document of its own', async () => {
    const response = await ask(server, {
      db: 'd',
      q: 'SELECT * FROM cpu',
      epoch: 'ns',
      chunked: 'true',
      chunk_size: '2',
    });
    const chunks = (await response.text()).trim().split('\n');
    const parts = chunks.map((chunk) => JSON.parse(chunk).results[0]);
    expect(parts.map((part) => part.partial ?? false)).to.deep.equal([true, false]);
    expect(parts.flatMap((part) => part.series[0].values)).to.deep.equal(ROWS);
  });

  it('prints pretty where asked', async () => {
    const text = await (await ask(server, { db: 'd', q: 'SELECT * FROM cpu', pretty: 'true' })).text();
    expect(text).to.match(/^\{\n {4}"results": \[\n {8}\{\n/);
    expect(JSON.parse(text)).to.deep.equal(await (await ask(server, { db: 'd', q: 'SELECT * FROM cpu' })).json());
  });

  it('binds parameters, and says what is wrong with them', async () => {
    const q = 'SELECT "v" FROM "cpu" WHERE "host" = $host AND "v" > $least';
    const found = await series(server, 'd', q, { params: '{"host":"a","least":1}' });
    expect(found[0].values).to.deep.equal([[1_000_000_000, 3]]);
    const broken = await ask(server, { db: 'd', q, params: '{"host' });
    expect(broken.status).to.equal(400);
    expect(((await broken.json()) as { error: string }).error).to.match(/^error parsing query parameters: /);
    const missing = await ask(server, { db: 'd', q, params: '{}' });
    expect(JSON.stringify(await missing.json())).to.include('missing parameter');
  });

  it('runs statements in turn; errors stand inside the results and end the rest', async () => {
    const answers = await results(
      server,
      'd',
      'SELECT count("v") FROM "cpu"; SHOW MEASUREMENTS; SELECT * FROM "nope"; SELECT foo("v") FROM "cpu"; SHOW DATABASES',
    );
    expect(answers[0].series?.[0].values).to.deep.equal([[0, 3]]);
    expect(answers[1].series?.[0].values).to.deep.equal([['cpu']]);
    // as on InfluxDB; in chunks, and in other formats, the error is told
    expect(answers.slice(2)).to.deep.equal([{ statement_id: 2 }, { statement_id: 3, error: 'not executed' }]);
    expect(await chunks(server, 'd', 'SELECT foo("v") FROM "cpu"; SHOW DATABASES')).to.deep.equal([
      { statement_id: 0, error: 'undefined function foo()' },
      { statement_id: 0, error: 'not executed' },
    ]);
    expect(await results(server, 'nodb', 'SELECT * FROM cpu')).to.deep.equal([
      { statement_id: 0, error: 'database not found: nodb' },
    ]);
    expect(await results(server, '', 'SELECT * FROM cpu')).to.deep.equal([
      { statement_id: 0, error: 'database name required' },
    ]);
  });

  it('tells where a broken query is broken', async () => {
    const response = await ask(server, { db: 'd', q: 'SELECT *\nFRM cpu' });
    expect([response.status, await response.json()]).to.deep.equal([
      400,
      { error: 'error parsing query: found FRM, expected FROM at line 2, char 1' },
    ]);
    expect((await ask(server, { db: 'd' })).status).to.equal(400);
    const body = new URLSearchParams({ db: 'd', q: `SELECT ${'('.repeat(10_000)}v FROM cpu` });
    const deep = await fetch(`${server.http}/query`, { method: 'POST', body });
    expect(deep.status).to.equal(400);
  });

  it('changes nothing on GET, and takes a form on POST', async () => {
    const get = await ask(server, { q: 'CREATE DATABASE "made"' });
    expect(get.status).to.equal(400);
    expect(((await get.json()) as { error: string }).error).to.include('send it as POST');
    const post = await fetch(`${server.http}/query`, {
      method: 'POST',
      body: new URLSearchParams({ q: 'CREATE DATABASE "made"' }),
    });
    expect(await post.json()).to.deep.equal({ results: [{ statement_id: 0 }] });
    expect(JSON.stringify(await results(server, '', 'SHOW DATABASES'))).to.include('["made"]');
    await results(server, '', 'DROP DATABASE "made"');
    expect(JSON.stringify(await results(server, '', 'SHOW DATABASES'))).to.not.include('["made"]');
  });

  it('reads its own writes with after=, whatever the shard, also those that nobody waited for', async () => {
    for (let round = 1; round <= 20; round++) {
      const lines = Array.from({ length: 40 }, (_, i) => `own,host=h${i} v=${round}i ${round * 100 + i}`).join('\n');
      const after = await written(server, 'd', lines, { ack: 'queued' });
      const [{ values }] = await series(server, 'd', 'SELECT count("v") FROM "own"', { after });
      expect(values[0][1]).to.equal(round * 40);
    }
    const wrong = await ask(server, { db: 'd', q: 'SELECT * FROM own', after: 'nonsense' });
    expect([wrong.status, await wrong.json()]).to.deep.equal([400, { error: 'after: not a position of this server' }]);
  });

  it('lets go of a large answer that nobody reads to its end', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `large,host=h${i % 50} v=${i}i ${i + 1}`).join('\n');
    await written(server, 'd', lines);
    const abort = new AbortController();
    const response = await ask(server, { db: 'd', q: 'SELECT * FROM "large"' }, { signal: abort.signal });
    await response.body!.getReader().read();
    abort.abort();
    const [{ values }] = await series(server, 'd', 'SELECT count("v"), sum("v") FROM "large"');
    expect(values[0].slice(1)).to.deep.equal([50_000, 1_249_975_000]);
    expect((await series(server, 'd', 'SELECT * FROM "large"'))[0].values.length).to.equal(50_000);
  });

  it('gives the same answer however many shards hold the points', async () => {
    const single = await startServer([...QUIET, '--shards', '1']);
    try {
      const lines = Array.from(
        { length: 500 },
        (_, i) => `m,host=h${i % 7},zone=z${i % 3} v=${(i * 37) % 101},n=${i}i ${1_000_000_000 + i * 7_000_000}`,
      ).join('\n');
      for (const place of [server, single]) await written(place, 'same', lines);
      for (const q of [
        'SELECT * FROM "m"',
        'SELECT mean("v"), count("n"), first("n"), last("v"), percentile("v", 90) FROM "m" ' +
          'WHERE time < 6s GROUP BY time(500ms), "host"',
        'SELECT max("v") FROM "m" GROUP BY "zone"',
        'SELECT "v" FROM "m" WHERE "host" =~ /h[1-3]/ ORDER BY time DESC LIMIT 20 OFFSET 5',
        'SHOW SERIES',
        'SHOW TAG VALUES WITH KEY = "host"',
      ]) {
        expect(await results(server, 'same', q), q).to.deep.equal(await results(single, 'same', q));
      }
    } finally {
      await single.stop();
    }
  });
});
