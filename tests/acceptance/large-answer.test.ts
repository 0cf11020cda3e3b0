/**
 * An answer of ten million rows to a client that reads slowly: the server holds back, its memory stays where it was, and every row
 * comes, in order. Sealed rows and rows in memory alike.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ask, series, write } from '../support/api.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const ROWS = 10_000_000;
const ROWS_PER_BODY = 100_000;
const SERIES = 100;
const GROWTH_BYTES_MAX = 200 * 1024 * 1024;
/** What the client takes between two pauses in the slow part of its reading, and how often it pauses. */
const GULP_BYTES = 1024 * 1024;
const PAUSES = 60;
const PAUSE_MS = 30;
const HEAD_BYTES = 48 * 1024 * 1024;

describe('an answer of ten million rows', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--shards', '2', '--workers', '2', '--head-bytes', String(HEAD_BYTES)]);
    for (let from = 0; from < ROWS; from += ROWS_PER_BODY) {
      const lines: string[] = [];
      for (let at = from; at < from + ROWS_PER_BODY; at++) lines.push(`m,host=h${at % SERIES} v=${at % 977} ${at}`);
      const response = await write(server, 'd', lines.join('\n'), { precision: 'ms' });
      expect(response.status).to.equal(204);
    }
  });

  after(() => server.stop());

  it('does not grow the server by more than 200 MB while it is read slowly', async () => {
    const before = residentBytes(server);
    let greatest = before;
    const response = await ask(
      server,
      { db: 'd', q: 'SELECT v, host FROM m', epoch: 'ms' },
      { headers: { Accept: 'text/csv' } },
    );
    let rows = -1;
    let last = -1;
    let rest = '';
    let taken = 0;
    let pauses = 0;
    const decoder = new TextDecoder();
    for await (const bytes of response.body!) {
      taken += bytes.length;
      greatest = Math.max(greatest, residentBytes(server));
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop()!;
      rows += lines.length;
      const time = Number(lines.at(-1)?.split(',')[2]);
      if (lines.length > 0 && time < last) throw new Error(`row ${rows}: ${time} behind ${last}`);
      if (lines.length > 0) last = time;
      if (pauses < PAUSES && taken > pauses * GULP_BYTES) {
        pauses++;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
    expect([rows, last]).to.deep.equal([ROWS, ROWS - 1]);
    expect(greatest - before).to.be.lessThan(GROWTH_BYTES_MAX);
  });

  it('is left in the middle without a trace, and the server serves on', async () => {
    const client = new AbortController();
    const response = await ask(server, { db: 'd', q: 'SELECT v FROM m' }, { signal: client.signal });
    await response.body!.getReader().read();
    client.abort();
    const [{ values }] = await series(server, 'd', `SELECT count(v) FROM m WHERE time < ${ROWS / 10}ms`);
    expect(values[0][1]).to.equal(ROWS / 10);
  });
});

// private functions

function residentBytes({ process: { pid } }: TestServer): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}
