/** A query over so many chunks of a bucket that it reads ahead into the memory of kernels, and adds numbers up as they are stored. */
import { expect } from 'chai';
import { eventually, metric, series, written } from '../support/api.ts';
import { QUIET, startServer } from '../support/server.ts';

/** Series of so few rows that chunks have 2,048; more than 64 of these are a large scan. */
const HOSTS = 1_800;
const ROWS = 100;
/** The rest is in the head. */
const SEALED_ROWS_MIN = 70 * 2_048;
const STEP_SECONDS = 10;
/** Rows of a host in a window: stretches of fewer than 32 are unpacked. */
const WINDOW_ROWS = 50;

describe('a large scan', () => {
  it('has the sums of what was written, also where windows cut chunks', async () => {
    const server = await startServer([
      ...[...QUIET, '--shards', '1', '--log-keep-bytes', '0', '--head-bytes', `${2 ** 20}`],
    ]);
    try {
      const [wholes, cents] = [windowSums(), windowSums()];
      for (let row = 0; row < ROWS; row++) {
        const lines = Array.from({ length: HOSTS }, (_, host) => {
          const [whole, cent] = [noise(row * HOSTS + host) % 41, noise(host * ROWS + row) % 20_001];
          wholes[Math.floor(row / WINDOW_ROWS)] += host * 1_000 - whole;
          cents[Math.floor(row / WINDOW_ROWS)] += cent;
          return `m,host=h${host} i=${host * 1_000 - whole}i,d=${cent / 100} ${row * STEP_SECONDS}`;
        });
        await written(server, 'db', lines.join('\n'), { precision: 's' });
      }
      await eventually(
        () => Promise.all([metric(server, 'millrace_buckets'), metric(server, 'millrace_bucket_rows')]),
        ([buckets, rows]) => buckets === 1 && rows > SEALED_ROWS_MIN,
      );
      const window = `${WINDOW_ROWS * STEP_SECONDS}s`;
      const [{ values }] = await series(
        server,
        'db',
        `SELECT sum(i), sum(d), max(i), count(d) FROM m WHERE time < 1d GROUP BY time(${window})`,
      );
      expect(await metric(server, 'millrace_kernel_reads'), 'it read ahead').to.be.above(0);
      expect(await metric(server, 'millrace_kernel_memory_refused_total')).to.equal(0);
      const found = values.filter(([, sum]) => sum !== null);
      expect(found.map(([, sum]) => sum)).to.deep.equal(wholes);
      for (const [at, [, , sum]] of found.entries()) expect(sum).to.be.closeTo(cents[at] / 100, 1e-6);
      expect(found.map(([, , , , count]) => count)).to.deep.equal([WINDOW_ROWS * HOSTS, WINDOW_ROWS * HOSTS]);
    } finally {
      await server.stop();
    }
  });
});

// private functions

function windowSums(): number[] {
  return Array.from({ length: Math.ceil(ROWS / WINDOW_ROWS) }, () => 0);
}

/** 32 bits that look like chance. */
function noise(i: number): number {
  const mixed = Math.imul(i ^ (i >>> 15), 0x2c1b3c6d);
  return Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 0;
}
