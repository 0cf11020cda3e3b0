/**
 * Recovery of the append log: cut at every byte, with every byte flipped, and after power cuts that keep any sectors of the last
 * write. What was acknowledged is there, or opening refuses; nothing is ever served that was not written.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { FaultyFiles, type LogCut, MemoryFiles, ShardLog, StorageError } from '../../storage/index.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const DIR = '/log';

describe(`recovery of the append log (SEED=${SEED})`, () => {
  it('holds a prefix of whole records after a cut at every byte, and goes on from there', async () => {
    const { files, names, lengths } = await makeLog([[5], [17, 0], [40], [8, 8, 8]]);
    const path = `${DIR}/${names[0]}`;
    const whole = files.bytes(path);
    const ends = recordEnds(lengths);
    for (let length = 0; length <= whole.length; length++) {
      files.place(path, whole.subarray(0, length));
      const { log, found, cut } = await open(files);
      const expected = ends.filter((end) => end <= length).length;
      expect(found, `cut at ${length}`).to.deep.equal(lengths.slice(0, expected));
      expect(cut === null, `cut at ${length}`).to.equal(length === 64 || ends.includes(length));
      expect(await log.append(payload(3))).to.equal(expected + 1);
      await log.close();
      const again = await open(files);
      expect(again.found).to.deep.equal([...lengths.slice(0, expected), 3]);
      expect(again.cut).to.equal(null);
      await again.log.close();
      for (const name of await files.list(DIR)) await files.remove(`${DIR}/${name}`);
    }
  });

  for (const segmentBytesMax of [200, 10_000]) {
    it(`detects a flipped bit in every byte: refuses, or cuts off the last write and says so (${segmentBytesMax})`, async () => {
      const groups = [[5], [17, 1], [40], [8, 9, 10]];
      const { files, names, lengths } = await makeLog(groups, segmentBytesMax);
      expect(names.length > 1).to.equal(segmentBytesMax === 200);
      const lastWrite = lengths.length - groups.at(-1)!.length;
      let refused = 0;
      for (const name of names) {
        const path = `${DIR}/${name}`;
        const whole = files.bytes(path);
        for (let at = 0; at < whole.length; at++) {
          const bad = whole.slice();
          bad[at] ^= 1 << (at % 8);
          files.place(path, bad);
          const outcome = await open(files).catch((error: StorageError) => error);
          if (outcome instanceof StorageError) {
            expect(outcome.code, `${name} ${at}`).to.equal('corrupt');
            expect(outcome.message).to.contain(path);
            refused++;
          } else {
            expect(outcome.cut, `${name} ${at} went unseen`).not.to.equal(null);
            expect(outcome.found.length).to.be.at.least(lastWrite);
            expect(outcome.found).to.deep.equal(lengths.slice(0, outcome.found.length));
            await outcome.log.close();
          }
          files.place(path, whole);
        }
      }
      expect(refused).to.be.greaterThan(100);
    });
  }

  it('notices damage that comes after opening when it is read', async () => {
    const { files, names } = await makeLog([[5], [17], [40]]);
    const { log } = await open(files);
    const bad = files.bytes(`${DIR}/${names[0]}`);
    bad[64 + 24 + 2] ^= 4;
    files.place(`${DIR}/${names[0]}`, bad);
    const error = await drain(log).catch((e: StorageError) => e);
    expect(error).to.be.instanceOf(StorageError).with.property('code', 'corrupt');
    await log.close();
  });

  it('refuses a log with a segment missing or from elsewhere', async () => {
    const { files, names } = await makeLog([[90], [90], [90], [90]], 200);
    expect(names.length).to.be.greaterThan(2);
    const middle = `${DIR}/${names[1]}`;
    const bytes = files.bytes(middle);
    await files.remove(middle);
    expect(await open(files).catch((e: StorageError) => e.code)).to.equal('corrupt');
    files.place(middle, files.bytes(`${DIR}/${names[0]}`));
    expect(await open(files).catch((e: StorageError) => e.code)).to.equal('corrupt');
    files.place(middle, bytes.subarray(0, bytes.length - 8));
    expect(await open(files).catch((e: StorageError) => e.code)).to.equal('corrupt');
  });

  it('loses nothing acknowledged in a power cut that keeps any sectors of the last write', async () => {
    const groups = fc.array(fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 1, maxLength: 8 }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(
        groups,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
        fc.nat(),
        async (acked, kept, tail) => {
          const files = new MemoryFiles();
          const log = await ShardLog.open(files, DIR, { shard: 3 });
          for (const group of acked) await Promise.all(group.map((n) => log.append(payload(n))));
          await log.close();
          const [name] = await files.list(DIR);
          const durable = files.bytes(`${DIR}/${name}`);
          const more = await ShardLog.open(files, DIR, { shard: 3 });
          const last = acked.at(-1)!;
          await Promise.all(last.map((n) => more.append(payload(n))));
          await more.close();
          files.place(`${DIR}/${name}`, sectors(durable, files.bytes(`${DIR}/${name}`), kept, tail));
          const { log: again, found } = await open(files);
          const all = acked.flat();
          expect(found.slice(0, all.length)).to.deep.equal(all);
          expect(found.slice(all.length)).to.deep.equal(last.slice(0, found.length - all.length));
          expect(await again.append(payload(1))).to.equal(found.length + 1);
          await again.close();
          const after = await open(files);
          expect([after.found, after.cut]).to.deep.equal([[...found, 1], null]);
        },
      ),
      { seed: SEED, numRuns: 150 },
    );
  });

  it('forgets in a power cut exactly what was never acknowledged', async () => {
    const files = new MemoryFiles();
    let hasPower = true;
    const power = new FaultyFiles(files, (call) => {
      if (hasPower || call !== 'datasync') return null;
      files.crash();
      return { code: 'failed' };
    });
    const log = await ShardLog.open(power, DIR, { shard: 3, segmentBytesMax: 400 });
    const acked: number[] = [];
    for (let n = 0; n < 30; n++) await log.append(payload(n)).then(() => acked.push(n));
    hasPower = false;
    expect(await log.append(payload(99)).catch((e: StorageError) => e.code)).to.equal('read only');
    expect((await open(files)).found).to.deep.equal(acked);
  });
});

// private functions

type Opened = { log: ShardLog; found: number[]; cut: LogCut | null };

/** Opens and checks every payload; a payload's length is its identity. */
async function open(files: MemoryFiles): Promise<Opened> {
  const found: number[] = [];
  const log = await ShardLog.open(files, DIR, {
    shard: 3,
    recovered: (sequence, bytes) => {
      expect(sequence).to.equal(found.length + 1);
      expect(bytes).to.deep.equal(payload(bytes.length));
      found.push(bytes.length);
    },
  });
  return { log, found, cut: log.cut };
}

/** Each inner list is one group commit. */
async function makeLog(groups: number[][], segmentBytesMax?: number) {
  const files = new MemoryFiles();
  const log = await ShardLog.open(files, DIR, { shard: 3, segmentBytesMax });
  for (const group of groups) await Promise.all(group.map((n) => log.append(payload(n))));
  await log.close();
  return { files, names: await files.list(DIR), lengths: groups.flat() };
}

function payload(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff);
}

function recordEnds(lengths: number[]): number[] {
  let end = 64;
  return lengths.map((length) => (end += 24 + Math.ceil(length / 8) * 8));
}

async function drain(log: ShardLog): Promise<void> {
  for await (const _ of log.read(1));
}

/** The file after a power cut: durable bytes, and of the rest the sectors that were kept; others are zeros, the file may be short. */
function sectors(durable: Uint8Array, seen: Uint8Array, kept: boolean[], tail: number): Uint8Array {
  const result = seen.slice(0, seen.length - (tail % 3 === 0 ? tail % (seen.length - durable.length + 1) : 0));
  for (let at = durable.length; at < result.length; ) {
    const end = Math.min(result.length, (Math.floor(at / 512) + 1) * 512);
    if (!kept[Math.floor(at / 512) % kept.length]) result.fill(0, at, end);
    at = end;
  }
  return result;
}
