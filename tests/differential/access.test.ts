/** Users, privileges and refusals: the same requests, by the same people, to InfluxDB and to ours, both asking who one is. */
import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { type InfluxServer, startInfluxDB } from '../support/influxdb.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';
import { difference } from './compare.ts';

const SECRET = 'topsecret';
const IN_AN_HOUR = Math.floor(Date.now() / 1000) + 3600;

/** Before there are users. */
const FIRST: readonly string[] = [
  'SHOW DATABASES',
  "CREATE USER bob WITH PASSWORD 'n'",
  "SHOW USERS; CREATE USER ann WITH PASSWORD 'x' WITH ALL PRIVILEGES",
  "CREATE USER ann WITH PASSWORD 'x' WITH ALL PRIVILEGES; CREATE USER bob WITH PASSWORD 'n'",
];

const BY_ANN: readonly string[] = [
  'CREATE DATABASE d',
  'CREATE DATABASE e',
  'CREATE DATABASE f',
  'GRANT READ ON d TO bob',
  'GRANT WRITE ON f TO bob',
  'SHOW USERS',
  'REVOKE READ ON e FROM bob',
];

const BY_BOB: readonly string[] = [
  'SHOW DATABASES',
  'SELECT * FROM m',
  'SELECT * FROM e..m',
  'SELECT * FROM d..m, e..m',
  'SELECT * FROM (SELECT v FROM e..m)',
  'SELECT v INTO x FROM m',
  'SELECT v INTO e..x FROM m',
  'SELECT v INTO f..x FROM m',
  'SELECT * FROM f..m',
  'SHOW MEASUREMENTS',
  'SHOW MEASUREMENTS ON e',
  'SHOW SERIES',
  'SHOW RETENTION POLICIES ON d',
  'SHOW RETENTION POLICIES ON e',
  'CREATE DATABASE q',
  'DROP DATABASE d',
  'DROP MEASUREMENT m',
  'DROP SERIES FROM m',
  'DELETE FROM m',
  'SHOW USERS',
  'SHOW GRANTS FOR bob',
  "SET PASSWORD FOR bob = 'm'",
  "CREATE USER eve WITH PASSWORD 'm'",
  'CREATE RETENTION POLICY p ON d DURATION 1d REPLICATION 1',
  'ALTER RETENTION POLICY p ON d DEFAULT',
  'DROP RETENTION POLICY p ON d',
  'EXPLAIN SELECT * FROM e..m',
  'SHOW TAG KEYS ON e FROM m',
  'SHOW FIELD KEYS ON e FROM m',
  'SHOW TAG VALUES ON e FROM m WITH KEY = a',
  'SHOW SERIES CARDINALITY ON e',
  'SHOW STATS',
  'SHOW SHARDS',
  'SHOW DIAGNOSTICS',
  'SHOW SUBSCRIPTIONS',
  'KILL QUERY 1',
  'DROP CONTINUOUS QUERY c ON d',
  'CREATE CONTINUOUS QUERY c ON d BEGIN SELECT mean(v) INTO e..x FROM m GROUP BY time(1h) END',
  'GRANT READ ON d TO bob',
  'REVOKE READ ON d FROM bob',
  'DROP USER ann',
  'SHOW DATABASES; SELECT * FROM e..m',
];

interface Asked {
  readonly what: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const BOB = { authorization: basic('bob', 'n') };
const REQUESTS: readonly Asked[] = [
  { what: 'nothing' },
  { what: 'a wrong password', headers: { authorization: basic('bob', 'wrong') } },
  { what: 'a user who is not there', headers: { authorization: basic('eve', 'n') } },
  { what: 'a password', headers: BOB },
  { what: 'a password in the address', path: '/query?q=SHOW+DATABASES&u=bob&p=n' },
  { what: 'half of it in the address', path: '/query?q=SHOW+DATABASES&u=bob' },
  { what: 'a token', headers: bearer({ username: 'bob', exp: IN_AN_HOUR }) },
  { what: 'a token of another method', headers: bearer({ username: 'bob', exp: IN_AN_HOUR }, SECRET, 'HS512') },
  { what: 'a token without signature', headers: bearer({ username: 'bob', exp: IN_AN_HOUR }, SECRET, 'none') },
  { what: 'a token signed by others', headers: bearer({ username: 'bob', exp: IN_AN_HOUR }, 'other') },
  { what: 'a token whose time is up', headers: bearer({ username: 'bob', exp: 1 }) },
  { what: 'a token without an end', headers: bearer({ username: 'bob' }) },
  { what: 'a token of nobody', headers: bearer({ exp: IN_AN_HOUR }) },
  { what: 'a token of a user who is not there', headers: bearer({ username: 'eve', exp: IN_AN_HOUR }) },
  { what: 'half a token', headers: { authorization: 'Bearer x.y' } },
  { what: 'another scheme', headers: { authorization: 'Weird bob:n' } },
  { what: 'a write that is allowed', path: '/write?db=f', headers: BOB, body: 'm v=1 1' },
  { what: 'a write that is not', path: '/write?db=d', headers: BOB, body: 'm v=1 1' },
  { what: 'a write by nobody', path: '/write?db=f', body: 'm v=1 1' },
  { what: 'a write to a database that is not there', path: '/write?db=nowhere', headers: BOB, body: 'm v=1 1' },
  { what: 'a ping', path: '/ping' },
];

describe('access beside InfluxDB', () => {
  let theirs: InfluxServer;
  let ours: TestServer;

  before(async () => {
    [theirs, ours] = await Promise.all([
      startInfluxDB(`auth-enabled = true\n  shared-secret = "${SECRET}"`),
      startServer([...QUIET, '--auth', '--auth-token-secret', SECRET]),
    ]);
  });

  after(() => Promise.all([theirs?.stop(), ours?.stop()]));

  for (const q of FIRST) it(`nobody yet: ${q}`, () => same({ what: q, ...asking(q) }));
  for (const q of BY_ANN) it(`ann: ${q}`, () => same({ what: q, ...asking(q, 'ann', 'x') }));
  for (const asked of REQUESTS) it(`says who it is by ${asked.what}`, () => same(asked));
  for (const q of BY_BOB) it(`bob: ${q}`, () => same({ what: q, ...asking(q, 'bob', 'n') }));

  async function same(asked: Asked): Promise<void> {
    const [a, b] = await Promise.all([theirs, ours].map((server) => answer(server.http, asked)));
    expect(difference(a.text, b.text)).to.equal(null);
    expect([b.status, b.challenge]).to.deep.equal([a.status, a.challenge]);
  }
});

// private functions

async function answer(http: string, { path, headers, body }: Asked) {
  const init = body === undefined ? { headers } : { headers, method: 'POST', body };
  const response = await fetch(http + (path ?? '/query?q=SHOW+DATABASES'), init);
  return { status: response.status, text: await response.text(), challenge: response.headers.get('www-authenticate') };
}

function asking(q: string, user?: string, password = ''): Omit<Asked, 'what'> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const known = user === undefined ? headers : { ...headers, authorization: basic(user, password) };
  return { path: '/query?db=d', headers: known, body: String(new URLSearchParams({ q })) };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function bearer(claims: object, secret = SECRET, alg = 'HS256'): Record<string, string> {
  const text = [{ alg, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = createHmac(alg === 'HS512' ? 'sha512' : 'sha256', secret)
    .update(text)
    .digest('base64url');
  return { authorization: `Bearer ${text}.${signature}` };
}
