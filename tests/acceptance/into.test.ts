/** SELECT … INTO, EXPLAIN, subqueries, joins and functions of rows on the real server, over several shards and workers. */
import { expect } from 'chai';
import { ask, series, written } from '../support/api.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const POINTS = [
  'cpu,host=a v=1,n=3i,t="x \\"y\\"" 1000000000',
  'cpu,host=a v=3,b=true 2000000000',
  'cpu,host=b,dc=x\\ y v=10 1000000000',
  'cpu,host=b,dc=x\\ y v=4 3000000000',
].join('\n');

describe('SELECT INTO and subqueries over HTTP', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--shards', '4', '--workers', '2']);
    await written(server, 'd', POINTS);
    await written(server, 'e', 'other v=1 1');
  });

  after(() => server.stop());

  it('writes aggregates with the tags they are grouped by, and says how many', async () => {
    expect(await post('SELECT mean(v), max(v) AS top INTO means FROM cpu GROUP BY host')).to.deep.equal([
      { name: 'result', columns: ['time', 'written'], values: [[0, 2]] },
    ]);
    const [means] = await series(server, 'd', 'SELECT * FROM means', { epoch: 's' });
    expect(means.columns).to.deep.equal(['time', 'host', 'mean', 'top']);
    expect(means.values).to.deep.equal([
      [0, 'a', 2, 3],
      [0, 'b', 7, 10],
    ]);
    expect(await series(server, 'd', 'SHOW TAG KEYS FROM means')).to.deep.equal([
      { name: 'means', columns: ['tagKey'], values: [['host']] },
    ]);
  });

  it('copies a measurement into another database under its own name, every type and odd text kept', async () => {
    await post('SELECT * INTO e..:MEASUREMENT FROM cpu GROUP BY *');
    const copy = await series(server, 'e', 'SELECT * FROM cpu', { epoch: 's' });
    expect(copy).to.deep.equal(await series(server, 'd', 'SELECT * FROM cpu', { epoch: 's' }));
  });

  it('writes the tags that top names as tags', async () => {
    await post('SELECT top(v, host, 1) INTO best FROM cpu');
    expect(await series(server, 'd', 'SELECT * FROM best GROUP BY host', { epoch: 's' })).to.deep.equal([
      { name: 'best', tags: { host: 'b' }, columns: ['time', 'top'], values: [[1, 10]] },
    ]);
  });

  it('tells rows of cumulate() that begin together apart by the tag window', async () => {
    const select = 'FROM cpu WHERE time >= 0 AND time < 6s GROUP BY cumulate(6s, 2s), host fill(none)';
    await post(`SELECT sum(v), _start INTO sofar ${select}`);
    expect(await series(server, 'd', 'SELECT host, sum, window FROM sofar', { epoch: 's' })).to.deep.equal([
      {
        name: 'sofar',
        columns: ['time', 'host', 'sum', 'window'],
        values: [
          [0, 'a', 1, '2s'],
          [0, 'a', 4, '4s'],
          [0, 'a', 4, '6s'],
          [0, 'b', 10, '2s'],
          [0, 'b', 14, '4s'],
          [0, 'b', 14, '6s'],
        ],
      },
    ]);
    expect(await series(server, 'd', 'SHOW TAG KEYS FROM sofar')).to.deep.equal([
      { name: 'sofar', columns: ['tagKey'], values: [['host'], ['window']] },
    ]);
    expect(await post(`SELECT sum(v) AS window INTO x ${select}`)).to.include('get the tag "window"');
  });

  it('refuses INTO by GET, an unknown target, and values of another type', async () => {
    expect(await (await ask(server, { db: 'd', q: 'SELECT v INTO x FROM cpu' })).text()).to.include('send it as POST');
    expect(await post('SELECT v INTO nowhere..x FROM cpu')).to.equal('database not found: nowhere');
    expect(await post('SELECT n AS v INTO cpu FROM cpu')).to.include('type');
  });

  it('asks subqueries over all shards', async () => {
    const [{ values }] = await series(server, 'd', 'SELECT mean(x) FROM (SELECT max(v) AS x FROM cpu GROUP BY host)');
    expect(values[0][1]).to.equal(6.5);
    const rows = await series(server, 'd', 'SELECT difference(v) FROM (SELECT v FROM cpu)', { epoch: 's' });
    expect(rows[0].values).to.deep.equal([
      [2, -7],
      [3, 1],
    ]);
  });

  it('explains a plan, and analyzes one', async () => {
    const [plan] = await series(server, 'd', "EXPLAIN SELECT mean(v) FROM cpu WHERE host = 'a' GROUP BY dc");
    expect(plan.columns).to.deep.equal(['QUERY PLAN']);
    expect(plan.values.flat()).to.include.members([
      'EXPRESSION: mean(v::float)',
      "SOURCE: d.autogen.cpu WHERE (host::tag = 'a')",
      'GROUP BY: dc',
      'NUMBER OF SHARDS: 4',
    ]);
    const [analyzed] = await series(server, 'd', 'EXPLAIN ANALYZE SELECT v FROM cpu');
    expect(analyzed.columns).to.deep.equal(['EXPLAIN ANALYZE']);
    expect(analyzed.values.flat()).to.include('ROWS: 4');
    const shards = analyzed.values.flat().filter((line) => String(line).startsWith('SHARD '));
    expect(shards).to.have.length(4);
    const found = shards.map(
      (line) => /^SHARD (\d): (\d+) SERIES, (\d+) ROWS, (\d+) BLOCKS READ, [\d.]+ms$/.exec(String(line))!,
    );
    const sum = (part: number): number => found.reduce((all, match) => all + Number(match[part]), 0);
    expect(sum(3)).to.equal(4);
    // a chunk of the head each, of the shards that have a series of it
    expect(sum(4)).to.equal(found.filter((match) => match[2] !== '0').length);
  });

  it('joins over all shards and databases, and writes what it joins', async () => {
    const gaps =
      'SELECT x.v - y.v AS gap INTO gaps FROM cpu AS x JOIN cpu AS y WITHIN 1s ON host WHERE x.v > y.v GROUP BY host';
    expect(await post(gaps)).to.deep.equal([{ name: 'result', columns: ['time', 'written'], values: [[0, 1]] }]);
    expect(await series(server, 'd', 'SELECT gap, host FROM gaps', { epoch: 's' })).to.deep.equal([
      { name: 'gaps', columns: ['time', 'gap', 'host'], values: [[2, 2, 'a']] },
    ]);
    const [{ values }] = await series(server, 'd', 'SELECT count(cpu.v) FROM cpu JOIN e..other AS o WITHIN 10s');
    expect(values[0][1]).to.equal(4);
    const kinds = 'SELECT count(t) FROM cpu GROUP BY fingerprint(t)';
    const [{ tags }] = await series(server, 'd', kinds);
    expect(tags).to.deep.equal({ fingerprint: 'x <text>' });
  });

  it('shows times of a zone as local ones with their distance from UTC', async () => {
    const q = "SELECT v FROM cpu WHERE host = 'b' tz('Asia/Kolkata')";
    const text = await (await ask(server, { db: 'd', q })).text();
    expect(text).to.include('["1970-01-01T05:30:01+05:30",10]');
  });

  it('counts what SHOW would list', async () => {
    const [{ values }] = await series(server, 'd', 'SHOW SERIES EXACT CARDINALITY FROM cpu');
    expect(values).to.deep.equal([[2]]);
  });

  /** Series of the answer, or its error. */
  async function post(q: string): Promise<unknown> {
    const response = await fetch(`${server.http}/query?db=d&epoch=ns`, {
      method: 'POST',
      body: new URLSearchParams({ q }),
    });
    const { results, error } = (await response.json()) as {
      results?: { series?: unknown; error?: string }[];
      error?: string;
    };
    return results === undefined ? error : (results[0].error ?? results[0].series);
  }
});
