/** Queries that do not come to their end on the real server: their time is up, their client has gone, too many are asked at once. */
import { expect } from 'chai';
import { ask, chunks, eventually, metric, results, type Series, series, write } from '../support/api.ts';
import { LiveClient } from '../support/live-client.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const HOSTS = 20;
const BODIES = 30;
const ROWS_PER_BODY = 10_000;
/** Some seconds of work. */
const LONG = Array.from({ length: 14 }, (_, i) =>
  `SELECT percentile(v, ${i}), stddev(v), mode(v), count(distinct(w)) FROM
    (SELECT v, v * 2 AS w FROM m WHERE v >= ${-i}) GROUP BY time(2ms) fill(none)`.replaceAll(/\s+/g, ' '),
).join('; ');

describe('queries that are ended', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--query-timeout-ms', '3000', '--max-concurrent-queries', '3']);
    for (let n = 0; n < BODIES; n++) {
      const lines = Array.from({ length: ROWS_PER_BODY }, (_, i) => {
        const at = n * ROWS_PER_BODY + i;
        return `m,host=h${at % HOSTS} v=${(at * 7919) % 1013} ${at}`;
      });
      const response = await write(server, 'd', lines.join('\n'), { precision: 'ms' });
      expect(response.status).to.equal(204);
    }
  });

  after(() => server.stop());

  it('tells a statement whose time is up, does not execute those behind it, and serves others meanwhile', async () => {
    const short = () => series(server, 'd', "SELECT count(v) FROM m WHERE host = 'h1'");
    // a server that has just started compiles what it runs
    await short();
    const long = chunks(server, 'd', LONG);
    const [{ values }] = await short();
    expect(values[0][1]).to.equal((BODIES * ROWS_PER_BODY) / HOSTS);
    const ended = await long;
    const at = ended.findIndex(({ error }) => error !== undefined);
    expect(ended[at].error).to.equal('query-timeout limit exceeded');
    expect(ended.slice(at + 1).every(({ error }) => error === 'not executed')).to.equal(true);
    expect(
      await eventually(
        () => metric(server, 'millrace_queries_running'),
        (n) => n === 0,
      ),
    ).to.equal(0);
    expect(await metric(server, 'millrace_queries_total{outcome="ended"}')).to.equal(1);
  });

  it('gives a query up when its client goes away', async () => {
    const before = await metric(server, 'millrace_queries_total{outcome="abandoned"}');
    const client = new AbortController();
    const { signal } = client;
    const answer = ask(server, { db: 'd', q: LONG }, { method: 'POST', signal }).then((response) => response.text());
    await eventually(
      () => metric(server, 'millrace_queries_running'),
      (n) => n === 1,
    );
    client.abort();
    expect(await answer.catch((error: Error) => error.name)).to.equal('AbortError');
    const abandoned = (): Promise<number> => metric(server, 'millrace_queries_total{outcome="abandoned"}');
    expect(await eventually(abandoned, (n) => n > before)).to.equal(before + 1);
    expect(await metric(server, 'millrace_queries_running')).to.equal(0);
  });

  it('shows what runs, and kills it', async () => {
    const long = chunks(server, 'd', LONG);
    const running = async (): Promise<Series['values']> => {
      const [{ columns, values }] = await series(server, 'd', 'SHOW QUERIES');
      expect(columns).to.deep.equal(['qid', 'query', 'database', 'duration', 'status']);
      return values.filter(([, text]) => text !== 'SHOW QUERIES');
    };
    const [[id, text, database, duration, status]] = await eventually(running, (rows) => rows.length === 1);
    expect(text).to.match(/^SELECT percentile\(v, 0\), .* fill\(none\); SELECT percentile/);
    expect([database, status]).to.deep.equal(['d', 'running']);
    expect(duration).to.match(/^\d+(µs|ms|s)$/);
    expect(await results(server, 'd', `KILL QUERY ${id}`)).to.deep.equal([{ statement_id: 0 }]);
    expect((await long).find(({ error }) => error !== undefined)!.error).to.equal('query interrupted');
    expect(await running()).to.deep.equal([]);
    expect((await results(server, 'd', `KILL QUERY ${id}`))[0].error).to.equal(`no such query id: ${id}`);
  });

  it('shows which live queries share states', async () => {
    const client = await LiveClient.connect(server);
    const texts = [
      `SELECT sum(v) FROM m WHERE host = 'x' GROUP BY time(10s)`,
      `SELECT mean(v) FROM m WHERE host = 'y' GROUP BY time(1m)`,
      'SELECT sum(v) FROM m GROUP BY time(10s), host',
      'SELECT mean(v) FROM m GROUP BY hop(5m, 1m), host',
      'SELECT max(v) FROM m GROUP BY windows(time(1m), time(90s)), host',
    ];
    for (const [i, q] of texts.entries()) await client.subscribed({ db: 'd', q, id: String(i) });
    const shared = async (): Promise<unknown[][]> => {
      const [, live] = await series(server, 'd', 'SHOW QUERIES');
      const at = ['share_group', 'shared_by', 'state_bytes'].map((name) => live.columns.indexOf(name));
      return live.values.map((row) => at.map((column) => row[column]));
    };
    const [one, two, other, ...overlapping] = await eventually(shared, (rows) => rows.every(([group]) => group !== ''));
    expect(one[0]).to.match(/^[0-9a-f]{8}$/);
    expect([two[0], one[1], two[1]], 'variants of one host and the next').to.deep.equal([one[0], 2, 2]);
    expect(one[2]).to.be.a('number');
    expect(other[0]).to.not.equal(one[0]);
    for (const also of overlapping) expect(also.slice(0, 2), 'windows that overlap').to.deep.equal([other[0], 3]);
    client.close();
    await eventually(
      () => series(server, 'd', 'SHOW QUERIES'),
      (found) => found.length === 1,
    );
  });

  it('shows live queries beside the others, and kills one by its number', async () => {
    const q = 'SELECT count(v) FROM m WHERE time >= 0 GROUP BY time(1h)';
    const client = await LiveClient.connect(server);
    await client.subscribed({ db: 'd', q });
    await client.subscribed({ db: 'd', q, id: 't', epoch: 'ms' });
    const live = async (): Promise<Series[]> => (await series(server, 'd', 'SHOW QUERIES')).slice(1);
    const [{ name, columns, values }] = await live();
    expect(name).to.equal('live');
    expect(columns).to.deep.equal([
      ...['qid', 'query', 'database', 'duration', 'status'],
      ...['subscribers', 'lag_ms', 'panes', 'on_time', 'late', 'dropped', 'ahead', 'recomputed'],
      ...['share_group', 'shared_by', 'state_bytes'],
    ]);
    const [[id, text, database, , status, subscribers, lag, panes]] = values;
    const counted = values[0].slice(8, 13);
    expect([text, database, status, subscribers, panes]).to.deep.equal([q, 'd', 'running', 2, 1]);
    expect(counted, 'what it began with was no news').to.deep.equal([0, 0, 0, 0, 0]);
    expect(lag).to.be.a('number');
    expect(values[0].slice(13), 'with a bound of its own it shares nothing').to.deep.equal(['', 1, null]);
    await results(server, 'd', `KILL QUERY ${id}`);
    for (const id of ['s', 't']) {
      const told = await client.first('error', (frame) => frame.id === id);
      expect([told.code, told.message]).to.deep.equal(['invalid query', 'query interrupted']);
    }
    expect(await live()).to.deep.equal([]);
    expect((await results(server, 'd', `KILL QUERY ${id}`))[0].error).to.equal(`no such query id: ${id}`);
    await client.subscribed({ db: 'd', q, id: 'u' });
    expect((await live())[0].values.length).to.equal(1);
    client.close();
    expect(await eventually(live, (found) => found.length === 0)).to.deep.equal([]);
  });

  it('refuses more queries at a time than it is told to run', async () => {
    const clients = Array.from({ length: 3 }, () => new AbortController());
    const answers = clients.map(({ signal }) => ask(server, { db: 'd', q: LONG }, { method: 'POST', signal }));
    await eventually(
      () => metric(server, 'millrace_queries_running'),
      (n) => n === 3,
    );
    const refused = await ask(server, { db: 'd', q: 'SELECT v FROM m LIMIT 1' });
    expect([refused.status, refused.headers.get('retry-after')]).to.deep.equal([503, '1']);
    expect(await refused.json()).to.deep.equal({ error: 'max-concurrent-queries limit exceeded(4, 3)' });
    for (const client of clients) client.abort();
    await Promise.allSettled(answers);
    await eventually(
      () => metric(server, 'millrace_queries_running'),
      (n) => n === 0,
    );
    expect((await series(server, 'd', 'SELECT v FROM m LIMIT 1')).length).to.equal(1);
  });
});
