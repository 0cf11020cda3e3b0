/**
 * kill -9 of the real server under load, again and again on the same data: nothing acknowledged is lost, nothing is there twice.
 *
 * Writers hold a journal of what was acknowledged. Every point has an id of its own as its value and as its time, so one with
 * another's value shows in the rows; one that is kept twice shows in the logs, where nothing overwrites. A body without an answer
 * may be kept or not, but each of its points at most once.
 */
import { join } from 'node:path';
import { expect } from 'chai';
import { readBatches, readEnvelopeHeader } from '../../model/index.ts';
import { NodeFiles, ShardLog } from '../../storage/index.ts';
import { eventually, metric, sendDatagrams, series, write } from '../support/api.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

/** As it comes, and with heads so small that the server is always sealing one or merging buckets. */
const VARIANTS = [
  { name: 'as it comes', rounds: 25, flags: [] },
  { name: 'sealing and cleaning all the time', rounds: 25, flags: ['--head-bytes', '32768'] },
];
const SHARDS = 3;
const WRITERS = 6;
const LINES_PER_BODY_MAX = 40;
/** Between the server's readiness and its end. */
const LIFE_MS = { min: 50, max: 400 };
const DATABASE = 'journal';

interface Journal {
  /** Id of the next point; ids are handed out once. */
  nextId: number;
  readonly acknowledged: Set<number>;
  /** Sent; `acknowledged` are among them. */
  readonly sent: Set<number>;
}

describe('kill -9 of the server under load', () => {
  const seed = seedOfRun();

  for (const { name, rounds, flags: more } of VARIANTS) {
    it(`keeps all that was acknowledged, once, over ${rounds} kills, ${name} (seed ${seed})`, async () => {
      const random = new Random(seed);
      const flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--shards', String(SHARDS), ...more];
      const journal: Journal = { nextId: 1, acknowledged: new Set(), sent: new Set() };
      for (let round = 1; round <= rounds; round++) {
        const server = await startServer(flags);
        const before = journal.acknowledged.size;
        const stop = { now: false };
        const writers = Array.from({ length: WRITERS }, () => writeUntil(server, journal, random, stop));
        const noise = sendNoise(server, stop);
        await checkCounts(server, journal);
        await sleep(random.between(LIFE_MS.min, LIFE_MS.max));
        // a round in which nothing was acknowledged would show nothing
        await eventually(
          () => journal.acknowledged.size,
          (size) => size > before,
        );
        await server.kill();
        stop.now = true;
        await Promise.all([...writers, noise]);
      }
      const server = await startServer(flags);
      try {
        const buckets = await metric(server, 'millrace_buckets');
        expect(buckets > 0, 'has sealed').to.equal(more.length > 0);
        await checkRows(server, journal);
      } finally {
        await server.stop();
      }
      await checkLogs(server.dataDir, journal);
    });
  }
});

// private functions

/** Writes body after body until the connection is gone. */
async function writeUntil(server: TestServer, journal: Journal, random: Random, stop: { now: boolean }): Promise<void> {
  while (!stop.now) {
    const ids = Array.from({ length: random.between(1, LINES_PER_BODY_MAX) }, () => journal.nextId++);
    for (const id of ids) journal.sent.add(id);
    const lines = ids.map((id) => `point,host=h${id % 17} id=${id}i,half=${id / 2},text="t${id}" ${id}`).join('\n');
    const response = await write(server, DATABASE, lines).catch(() => null);
    if (response === null) return;
    await response.arrayBuffer().catch(() => null);
    if (response.status === 204) for (const id of ids) journal.acknowledged.add(id);
    else throw new Error(`a write was answered ${response.status}`);
  }
}

/** Datagrams beside the writers, to a database of their own. */
async function sendNoise(server: TestServer, stop: { now: boolean }): Promise<void> {
  for (let n = 0; !stop.now; n++) {
    await sendDatagrams(server.udp, [`noise,host=u${n % 5} n=${n}i\nnoise,host=u x=1`, 'noise bad']).catch(() => null);
    await sleep(5);
  }
}

/** Cheap, while writers write: as many as were acknowledged before the question, at most as many as were sent. */
async function checkCounts(server: TestServer, { acknowledged, sent }: Journal): Promise<void> {
  const atLeast = acknowledged.size;
  const found = await series(server, DATABASE, 'SELECT count("id") FROM "point"').catch((error: Error) => {
    if (atLeast === 0 && error.message.includes('database not found')) return [];
    throw error;
  });
  const count = Number(found[0]?.values[0][1] ?? 0);
  expect(count, 'points after a restart').to.be.at.least(atLeast);
  expect(count, 'points after a restart').to.be.at.most(sent.size);
}

async function checkRows(server: TestServer, { acknowledged, sent }: Journal): Promise<void> {
  const rows = await series(server, DATABASE, 'SELECT "id", "half", "text", "host" FROM "point"');
  const found = new Set<number>();
  for (const [time, id, half, text, host] of rows[0].values) {
    const row = `row ${time} ${id} ${half} ${text} ${host}`;
    expect(sent.has(Number(id)), `${row} was sent`).to.equal(true);
    expect(found.has(Number(id)), `${row} is there twice`).to.equal(false);
    found.add(Number(id));
    expect([time, half, text, host], row).to.deep.equal([id, Number(id) / 2, `t${id}`, `h${Number(id) % 17}`]);
  }
  const lost = [...acknowledged].filter((id) => !found.has(id));
  expect(lost, 'acknowledged and lost').to.deep.equal([]);
  const counts = await series(server, DATABASE, 'SELECT count("id"), count("text") FROM "point"');
  expect(counts[0].values[0].slice(1)).to.deep.equal([found.size, found.size]);
  const distinct = await series(server, DATABASE, 'SELECT count(distinct("id")) FROM "point"');
  expect(distinct[0].values[0][1]).to.equal(found.size);
}

/** The logs themselves: queries would not tell a point that is stored twice, since the later one wins. */
async function checkLogs(dataDir: string, { acknowledged, sent }: Journal): Promise<void> {
  const stored = new Set<number>();
  for (let shard = 0; shard < SHARDS; shard++) {
    const log = await ShardLog.open(new NodeFiles(), join(dataDir, 'shards', `shard-${shard}`, 'log'), { shard });
    for await (const { payload } of log.read(log.first)) {
      if (readEnvelopeHeader(payload).kind === 'control') continue;
      for (const batch of readBatches(payload, new NodeFiles())) {
        if (batch.database !== DATABASE) continue;
        for (const offset of batch.offsets.subarray(0, batch.rows)) {
          const id = Number(batch.base) + offset;
          expect(stored.has(id), `point ${id} is stored twice`).to.equal(false);
          expect(sent.has(id), `point ${id} was sent`).to.equal(true);
          stored.add(id);
        }
      }
    }
    await log.close();
  }
  for (const id of acknowledged) expect(stored.has(id), `point ${id} is in a log`).to.equal(true);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
