/**
 * A disk that fills up, for real: the data lies on a small tmpfs. Writes are refused with a reason and nothing that was acknowledged
 * is lost; queries go on; when there is space again writes go on too, without a restart. Where nobody may mount, it is skipped.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually, series, write } from '../support/api.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SMALL = '12m';
const LARGE = '96m';
/** So that buckets are written while the disk fills. */
const FLAGS = [...QUIET, '--shards', '2', '--head-bytes', String(2 * 1024 * 1024), '--log-keep-bytes', '1048576'];
const LINES_PER_BODY = 2_000;
const BODIES_MAX = 400;
const REFUSALS = 10;

describe('a full disk', () => {
  let place = '';
  let server: TestServer;

  before(async function () {
    place = await temporaryDirectory();
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SMALL}`, 'tmpfs', place]);
    if (mounted.status === 0) return;
    console.log(`    skipped: no tmpfs could be mounted: ${String(mounted.stderr).trim()}`);
    place = '';
    this.skip();
  });

  after(async () => {
    await server?.kill();
    if (place !== '') spawnSync('umount', ['-l', place]);
  });

  it('refuses writes with a reason, serves queries, and takes writes again when there is space', async () => {
    const dataDir = join(place, 'data');
    server = await startServer([...FLAGS, '--data-dir', dataDir]);
    let bodies = 0;
    // what a sealing gives up comes free again: full is a disk that refuses several times
    for (let refusals = 0; refusals < REFUSALS; ) {
      expect(bodies, 'bodies that a full disk has taken').to.be.below(BODIES_MAX);
      const response = await write(server, 'd', bodyOf(bodies));
      if (response.status === 204) {
        bodies++;
        refusals = 0;
        continue;
      }
      refusals++;
      expect(response.status).to.be.oneOf([503, 507]);
      expect(await response.text()).to.match(/disk is full|no space/);
    }
    // what was refused may be there in part: the shards that had room have kept theirs
    const kept = await count(server);
    expect(kept).to.be.within(bodies * LINES_PER_BODY, (bodies + 1) * LINES_PER_BODY);

    spawnSync('mount', ['-o', `remount,size=${LARGE}`, place]);
    await eventually(
      async () => (await write(server, 'd', bodyOf(bodies))).status,
      (status) => status === 204,
    );
    bodies++;
    for (const more = bodies + 20; bodies < more; bodies++) {
      expect((await write(server, 'd', bodyOf(bodies))).status).to.equal(204);
    }
    expect(await count(server)).to.equal(bodies * LINES_PER_BODY);
    await server.kill();
    server = await startServer([...FLAGS, '--data-dir', dataDir]);
    expect(await count(server)).to.equal(bodies * LINES_PER_BODY);
    expect(await server.stop()).to.equal(0);
  });
});

// private functions

async function count(server: TestServer): Promise<number> {
  return Number((await series(server, 'd', 'SELECT count("a") FROM "m"'))[0].values[0][1]);
}

/** Values that no compression makes small, the same for the same number. */
function bodyOf(number: number): string {
  let text = '';
  for (let i = 0; i < LINES_PER_BODY; i++) {
    const point = number * LINES_PER_BODY + i;
    const fields = ['a', 'b', 'c', 'd'].map((name, f) => `${name}=${noise(4 * point + f)}`).join(',');
    text += `m,host=h${i % 50} ${fields} ${(point + 1) * 1_000_000}\n`;
  }
  return text;
}

function noise(n: number): number {
  let a = Math.imul(n + 1, 0x9e3779b1);
  a = Math.imul(a ^ (a >>> 15), 0x85ebca6b);
  return ((a ^ (a >>> 13)) >>> 0) / 2 ** 32 + n;
}
