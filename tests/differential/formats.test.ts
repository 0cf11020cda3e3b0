/**
 * Answers as CSV and msgpack beside InfluxDB's, byte by byte: numbers at the ends of their kinds, times before 1970 and to the nanosecond,
 * texts that need quotes, tags that need escapes, nulls; every unit of time, in one piece and in chunks. Not asked: what InfluxDB writes
 * otherwise than it means (docs/influxql-differences.md, "Formats").
 */
import { expect } from 'chai';
import { type InfluxServer, startInfluxDB } from '../support/influxdb.ts';
import { Random } from '../support/random.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';
import { makeLines } from './data.ts';

const SEED = Number(process.env['SEED'] ?? 20240110);

/** Beside what the other tests write: texts and tags with everything that a format has to quote. */
const LINES = [
  'quoted,t=a\\ b,u=x\\,y,w=p\\=q s="a,b",i=1i 1',
  'quoted,t=a\\ b,u=x\\,y,w=p\\=q s="say \\"hi\\"",i=-1i 1000000001',
  'quoted,t=back\\\\slash s="two\nlines",f=0.1 2',
  'quoted s=" starts with a space",f=1e21 3',
  'quoted s="",f=-0.0000001 4',
  'quoted s="\\\\.",f=123456789.125 5',
  'quoted s="größe 日本",b=true 6',
  'quoted s="tab\there",b=false -1',
  'numbers i=127i,f=0 1',
  'numbers i=128i,f=-0 2',
  'numbers i=255i,f=1 3',
  'numbers i=256i,f=1.5 4',
  'numbers i=65535i,f=1e-7 5',
  'numbers i=65536i,f=1e20 6',
  'numbers i=4294967295i,f=1e22 7',
  'numbers i=4294967296i,f=5e-324 8',
  'numbers i=9223372036854775807i,f=1.7976931348623157e308 9',
  'numbers i=-32i 10',
  'numbers i=-33i 11',
  'numbers i=-128i 12',
  'numbers i=-129i 13',
  'numbers i=-32768i 14',
  'numbers i=-32769i 15',
  'numbers i=-2147483648i 16',
  'numbers i=-2147483649i 17',
  'numbers i=-9223372036854775808i 18',
];

const STATEMENTS = [
  'SELECT * FROM quoted GROUP BY *',
  'SELECT * FROM quoted',
  'SELECT s, b, f, i FROM quoted ORDER BY time DESC',
  'SELECT * FROM numbers',
  'SELECT i, f FROM numbers; SELECT s FROM quoted; SELECT nothing FROM quoted; SELECT f FROM numbers LIMIT 1',
  'SELECT i::unsigned, f::integer FROM numbers',
  'SELECT * FROM ages',
  'SELECT * FROM mem GROUP BY * LIMIT 7',
  'SELECT * FROM lone LIMIT 20',
  'SELECT * FROM cpu GROUP BY * LIMIT 3',
  'SELECT min(usage), count(ok), last(note) FROM cpu GROUP BY *',
  "SELECT median(usage), max(idle), last(note) FROM cpu WHERE time >= '2024-01-10' AND time < '2024-01-10T00:10:00Z' GROUP BY time(1m), * fill(previous)",
  "SELECT count(v), first(b), last(s) FROM lone WHERE time >= '2024-01-10' AND time < '2024-01-10T00:10:00Z' GROUP BY time(1m) fill(0)",
  'SELECT max(i), b, s, f FROM quoted GROUP BY * fill(5)',
  'SELECT max(f), last(b), last(i) FROM quoted GROUP BY * fill(2.5)',
  'SELECT v FROM one; SELECT v, s FROM lone LIMIT 2',
  'SELECT v FROM one, lone, ages',
  'SHOW DATABASES',
  'SHOW MEASUREMENTS',
  'SHOW TAG KEYS',
  'SHOW TAG VALUES WITH KEY =~ /./',
  'SHOW FIELD KEYS',
  'SHOW SERIES',
  'SELECT nothing FROM quoted',
];

const WAYS: readonly Readonly<Record<string, string>>[] = [
  {},
  ...['ns', 'u', 'ms', 's', 'm', 'h'].map((epoch) => ({ epoch })),
  { chunked: 'true', chunk_size: '2' },
  { chunked: 'true', chunk_size: '3', epoch: 'ms' },
];

describe(`formats beside InfluxDB (SEED=${SEED})`, () => {
  let theirs: InfluxServer;
  let ours: TestServer;

  before(async () => {
    [theirs, ours] = await Promise.all([startInfluxDB(), startServer([...QUIET, '--shards', '2'])]);
    const body = [...makeLines(new Random(SEED)), ...LINES].join('\n');
    for (const { http } of [theirs, ours]) {
      await fetch(`${http}/query?q=CREATE+DATABASE+d`, { method: 'POST' });
      expect((await fetch(`${http}/write?db=d`, { method: 'POST', body })).status).to.equal(204);
    }
  });

  after(() => Promise.all([theirs?.stop(), ours?.stop()]));

  for (const accept of ['application/csv', 'application/x-msgpack']) {
    for (const way of WAYS) {
      it(`${accept} ${new URLSearchParams(way)}`, async () => {
        for (const q of STATEMENTS) {
          // Go's maps have no order, so neither have several tags in msgpack
          if (accept.endsWith('msgpack') && /FROM (quoted|cpu).* GROUP BY .*\*/.test(q)) continue;
          const [a, b] = await Promise.all(
            [theirs, ours].map(({ http }) => asked(http, { db: 'd', q, ...way }, accept)),
          );
          expect(b, q).to.deep.equal(a);
        }
      });
    }
  }
});

// private functions

async function asked(http: string, parameters: Readonly<Record<string, string>>, accept: string) {
  const response = await fetch(`${http}/query?${new URLSearchParams(parameters)}`, { headers: { accept } });
  // a byte a character: what differs can be read
  const text = Buffer.from(await response.arrayBuffer()).toString('latin1');
  return { status: response.status, type: response.headers.get('content-type'), text };
}
