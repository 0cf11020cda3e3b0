/** The `influx` shell of Debian's influxdb-client, unmodified, against the real server. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

/**
 * Statements in an order in which each can be executed, and the columns of the one series that is answered: of more the shell makes
 * several results.
 */
const KINDS: readonly (readonly [string, string])[] = [
  ['CREATE DATABASE other WITH DURATION 2d NAME short', ''],
  ['DROP DATABASE other', ''],
  ['CREATE RETENTION POLICY week ON shell DURATION 7d REPLICATION 1', ''],
  ['ALTER RETENTION POLICY week ON shell DURATION 14d', ''],
  ['SHOW RETENTION POLICIES', 'name,duration,shardGroupDuration,replicaN,default'],
  ["CREATE USER ann WITH PASSWORD 'x'", ''],
  ['GRANT READ ON shell TO ann', ''],
  ['SHOW GRANTS FOR ann', 'database,privilege'],
  ["SET PASSWORD FOR ann = 'y'", ''],
  ['REVOKE READ ON shell FROM ann', ''],
  ['SHOW USERS', 'user,admin'],
  ["SELECT mean(v) FROM k WHERE host = 'a' GROUP BY host", 'time,mean'],
  ['SELECT mean(v) INTO means FROM k WHERE time < 1m GROUP BY time(1m), host', 'time,written'],
  ['SELECT max(m) FROM (SELECT mean(v) AS m FROM k GROUP BY host)', 'time,max'],
  ["SELECT v, host FROM k WHERE host =~ /a|b/ ORDER BY time DESC LIMIT 1 tz('Europe/Berlin')", 'time,v,host'],
  ['EXPLAIN SELECT mean(v) FROM k', 'QUERY PLAN'],
  ['EXPLAIN ANALYZE SELECT mean(v) FROM k', 'EXPLAIN ANALYZE'],
  ['SHOW MEASUREMENTS', 'name'],
  ['SHOW SERIES FROM k', 'key'],
  ['SHOW TAG KEYS FROM k', 'tagKey'],
  ['SHOW TAG VALUES FROM k WITH KEY = host', 'key,value'],
  ['SHOW FIELD KEYS FROM k', 'fieldKey,fieldType'],
  ['SHOW SERIES EXACT CARDINALITY FROM k', 'count'],
  ['SHOW MEASUREMENT CARDINALITY', 'cardinality estimation'],
  ['SHOW TAG VALUES CARDINALITY FROM k WITH KEY = host', 'count'],
  ['SHOW QUERIES', 'qid,query,database,duration,status'],
  ['SHOW SUBSCRIPTIONS', ''],
  ['CREATE CONTINUOUS QUERY c ON shell BEGIN SELECT mean(v) INTO each FROM k GROUP BY time(1m) END', ''],
  ['SHOW CONTINUOUS QUERIES', 'name,query,state,points,failures,last_failure'],
  ['DROP CONTINUOUS QUERY c ON shell', ''],
  ["DELETE FROM k WHERE host = 'a'", ''],
  ["DROP SERIES FROM k WHERE host = 'b'", ''],
  ['DROP MEASUREMENT means', ''],
  ['DROP USER ann', ''],
  ['DROP RETENTION POLICY week ON shell', ''],
];

describe('the influx shell', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer(QUIET);
    await run(server, ['-execute', 'CREATE DATABASE shell']);
  });

  after(() => server?.stop());

  it('makes a database and sees it', async () => {
    const { stdout } = await run(server, ['-execute', 'SHOW DATABASES', '-format', 'csv']);
    expect(stdout.split('\n')).to.include('databases,shell');
  });

  it('inserts and selects, in every format it has', async () => {
    const at = ['-database', 'shell', '-execute'];
    await run(server, [...at, 'INSERT m,host=a v=1.5,n=3i,s="x y",ok=true 1000000000']);
    expect(
      (await run(server, [...at, 'SELECT * FROM m'])).stdout.split('\n').map((line) => line.trimEnd()),
    ).to.deep.equal([
      'name: m',
      'time       host n ok   s   v',
      '----       ---- - --   -   -',
      '1000000000 a    3 true x y 1.5',
      '',
    ]);
    const csv = await run(server, [...at, 'SELECT * FROM m', '-format', 'csv', '-precision', 'rfc3339']);
    expect(csv.stdout).to.equal('name,time,host,n,ok,s,v\nm,1970-01-01T00:00:01Z,a,3,true,x y,1.5\n');
    const json = await run(server, [...at, 'SELECT v FROM m; SHOW MEASUREMENTS', '-format', 'json', '-precision', 's']);
    expect(JSON.parse(json.stdout)).to.deep.equal({
      results: [
        { series: [{ name: 'm', columns: ['time', 'v'], values: [[1, 1.5]] }] },
        { series: [{ name: 'measurements', columns: ['name'], values: [['m']] }] },
      ],
    });
  });

  it('shows series one after the other', async () => {
    await run(server, ['-database', 'shell', '-execute', 'INSERT g,host=a v=1 1']);
    await run(server, ['-database', 'shell', '-execute', 'INSERT g,host=b v=2 2']);
    const { stdout } = await run(server, ['-database', 'shell', '-execute', 'SELECT * FROM g GROUP BY host']);
    expect(stdout).to.match(/name: g\ntags: host=a\ntime v\n-+ -\n1 +1\n\nname: g\ntags: host=b\ntime v\n-+ -\n2 +2\n/);
  });

  it('executes every kind of statement', async () => {
    await run(server, ['-database', 'shell', '-execute', 'INSERT k,host=a v=1,n=2i 1']);
    await run(server, ['-database', 'shell', '-execute', 'INSERT k,host=b v=3 2']);
    const statements = KINDS.map(([statement]) => statement).join('; ');
    const { stdout, code } = await run(server, ['-database', 'shell', '-execute', statements, '-format', 'json']);
    const { results } = JSON.parse(stdout) as { results: { error?: string; series?: { columns: string[] }[] }[] };
    expect(code).to.equal(0);
    for (const [i, [statement, columns]] of KINDS.entries()) {
      expect(results[i].error, statement).to.equal(undefined);
      expect(results[i].series?.[0].columns.join() ?? '', statement).to.equal(columns);
    }
  });

  it('tells errors in our words and ends with 1', async () => {
    const unknown = await run(server, ['-database', 'shell', '-execute', 'SELECT nope(v) FROM m']);
    expect([unknown.code, unknown.stdout + unknown.stderr]).to.deep.equal([
      1,
      'ERR: undefined function nope()\nundefined function nope()\n',
    ]);
    const broken = await run(server, ['-database', 'shell', '-execute', 'SELECT * FRM m']);
    expect(broken.code).to.equal(1);
    expect(broken.stdout).to.include('ERR: error parsing query: found FRM, expected FROM at line 1, char 10');
    const refused = await run(server, ['-database', 'shell', '-execute', 'INSERT m v=']);
    expect(refused.stdout + refused.stderr).to.include("unable to parse 'm v=': missing field value");
  });

  it('imports a file, DDL and DML', async () => {
    const file = join(await temporaryDirectory(), 'export.txt');
    const lines = Array.from({ length: 12_000 }, (_, i) => `cpu,host=h${i % 10} v=${i} ${i}`);
    const head = ['# DDL', 'CREATE DATABASE imported', '# DML', '# CONTEXT-DATABASE: imported'];
    await writeFile(file, [...head, '# CONTEXT-RETENTION-POLICY: autogen', ...lines, ''].join('\n'));
    const { stdout, stderr, code } = await run(server, ['-import', '-path', file, '-precision', 'ns']);
    expect(code).to.equal(0);
    expect(stdout + stderr).to.match(/Processed 12000 inserts[\s\S]*Failed 0 inserts/);
    const count = await run(server, [
      '-database',
      'imported',
      '-execute',
      'SELECT count(v) FROM cpu',
      '-format',
      'csv',
    ]);
    expect(count.stdout).to.equal('name,time,count\ncpu,0,12000\n');
  });
});

// private functions

type Ended = { code: number | null; stdout: string; stderr: string };

function run(server: TestServer, args: readonly string[]): Promise<Ended> {
  const { hostname, port } = new URL(server.http);
  const child = spawn('influx', ['-host', hostname, '-port', port, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: server.dataDir },
  });
  const ended = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (ended.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (ended.stderr += data.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new Error('influx cannot be started: install it (Debian package influxdb-client)', { cause }));
    });
    child.once('close', (code) => resolve({ code, ...ended }));
  });
}
