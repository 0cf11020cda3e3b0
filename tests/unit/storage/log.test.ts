/** The append log through its public door: order, groups, limits, segments, readers, failures of the disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type FaultPlan,
  FaultyFiles,
  type LogOptions,
  MemoryFiles,
  NodeFiles,
  ShardLog,
  StorageError,
} from '../../../storage/index.ts';

const DIR = '/log';

describe('the append log', () => {
  it('gives sequences in the order of calls and reads them back aligned', async () => {
    const log = await open(new MemoryFiles());
    expect([log.first, log.last]).to.deep.equal([1, 0]);
    const sequences = await Promise.all([1, 7, 8, 9, 100].map((n) => log.append(payload(n))));
    expect(sequences).to.deep.equal([1, 2, 3, 4, 5]);
    expect([log.first, log.last]).to.deep.equal([1, 5]);
    expect(await readAll(log, 3)).to.deep.equal([8, 9, 100]);
    expect(await readAll(log, 6)).to.deep.equal([]);
    await log.close();
  });

  it('writes what was appended during an fsync as one group', async () => {
    const groups: [number, number[]][] = [];
    const files = new FaultyFiles(new MemoryFiles(), () => null);
    const log = await open(files, {
      committed: (first, payloads) => groups.push([first, payloads.map((p) => p.length)]),
    });
    await Promise.all([log.append(payload(1)), log.append(payload(2))]);
    const before = files.counts.get('datasync')!;
    const first = log.append(payload(3));
    await Promise.resolve();
    const rest = Promise.all([4, 5, 6].map((n) => log.append(payload(n))));
    await Promise.all([first, rest]);
    expect(groups).to.deep.equal([
      [1, [1, 2]],
      [3, [3]],
      [4, [4, 5, 6]],
    ]);
    expect(files.counts.get('datasync')! - before).to.equal(2);
    await log.close();
  });

  it('tells of a commit before the appends resolve', async () => {
    const events: string[] = [];
    const log = await open(new MemoryFiles(), { committed: (first) => events.push(`committed ${first}`) });
    await log.append(payload(1)).then((sequence) => events.push(`resolved ${sequence}`));
    expect(events).to.deep.equal(['committed 1', 'resolved 1']);
    await log.close();
  });

  it('rolls segments, and finds everything again', async () => {
    const files = new MemoryFiles();
    const log = await open(files, { segmentBytesMax: 300 });
    for (let n = 0; n < 40; n++) await log.append(payload(n));
    await log.append(payload(1000));
    expect((await files.list(DIR)).length).to.be.greaterThan(5);
    expect(await readAll(log, 1)).to.deep.equal([...Array(40).keys(), 1000]);
    await log.close();
    const found: number[] = [];
    const again = await open(files, { segmentBytesMax: 300, recovered: (sequence) => found.push(sequence) });
    expect(found).to.deep.equal(Array.from({ length: 41 }, (_, i) => i + 1));
    expect(await again.append(payload(5))).to.equal(42);
    expect(await readAll(again, 30)).to.deep.equal([...Array(11).keys()].map((i) => 29 + i).concat(1000, 5));
    await again.close();
  });

  it('reads from the middle of a large segment', async () => {
    const log = await open(new MemoryFiles());
    await Promise.all(Array.from({ length: 300 }, () => log.append(new Uint8Array(10_000))));
    const sequences: number[] = [];
    for await (const { sequence } of log.read(255)) sequences.push(sequence);
    expect(sequences).to.deep.equal(Array.from({ length: 46 }, (_, i) => 255 + i));
    await log.close();
  });

  it('bounds its queue and its records', async () => {
    const log = await open(new MemoryFiles(), { queueBytesMax: 2000, recordBytesMax: 1500 });
    const first = log.append(payload(1500));
    expect(await codeOf(log.append(payload(1400)))).to.equal('full');
    expect(await codeOf(log.append(payload(1501)))).to.equal('too large');
    expect(await first).to.equal(1);
    expect(await log.append(payload(1400))).to.equal(2);
    await log.close();
    await log.close();
    expect(await codeOf(log.append(payload(1)))).to.equal('closed');
  });

  it('keeps its generation and refuses the log of another shard', async () => {
    const files = new MemoryFiles();
    const log = await open(files, { generation: 7 });
    await log.append(payload(1));
    await log.close();
    const again = await open(files, { generation: 9 });
    expect(again.generation).to.equal(7);
    await again.close();
    expect(await codeOf(open(files, { shard: 4 }))).to.equal('corrupt');
  });

  it('takes writes again when space has come back, with no trace of what was refused', async () => {
    let isFull = false;
    const memory = new MemoryFiles();
    const files = new FaultyFiles(memory, (call) =>
      call === 'write' && isFull ? { code: 'no space', bytes: 50 } : null,
    );
    const log = await open(files);
    await log.append(payload(10));
    isFull = true;
    expect(await codeOf(log.append(payload(20)))).to.equal('no space');
    expect(await codeOf(log.append(payload(30)))).to.equal('no space');
    isFull = false;
    expect(await log.append(payload(1))).to.equal(2);
    memory.crash();
    const again = await open(memory);
    expect(again.cut).to.equal(null);
    expect(await readAll(again, 1)).to.deep.equal([10, 1]);
    await again.close();
  });

  it('takes writes again when a segment could not be made for lack of space', async () => {
    let isFull = false;
    const memory = new MemoryFiles();
    const files = new FaultyFiles(memory, (call) =>
      call === 'write' && isFull ? { code: 'no space', bytes: 9 } : null,
    );
    const log = await open(files, { segmentBytesMax: 128 });
    await log.append(payload(60));
    isFull = true;
    expect(await codeOf(log.append(payload(61)))).to.equal('no space');
    isFull = false;
    expect(await log.append(payload(62))).to.equal(2);
    expect(await readAll(log, 1)).to.deep.equal([60, 62]);
    await log.close();
  });

  for (const call of ['write', 'datasync', 'syncDirectory'] as const) {
    it(`acknowledges nothing that a failed ${call} left in doubt, whichever of them fails`, async () => {
      for (let n = 1; n <= 14; n++) {
        const memory = new MemoryFiles();
        const { acked, failed } = await runUntilFailure(memory, (c, count) =>
          c === call && count === n ? { code: 'failed' } : null,
        );
        if (call !== 'syncDirectory' || n <= 3) expect(failed, `${call} ${n}`).to.equal(true);
        memory.crash();
        const again = await open(memory);
        expect((await readAll(again, 1)).slice(0, acked.length), `${call} ${n}`).to.deep.equal(acked);
        await again.close();
      }
    });
  }

  it('works on a real disk', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-log-'));
    try {
      const path = join(directory, 'shard', 'log');
      const options = { shard: 1, segmentBytesMax: 50_000 };
      const log = await ShardLog.open(new NodeFiles(), path, options);
      const sizes = Array.from({ length: 200 }, (_, i) => (i * 37) % 3000);
      await Promise.all(sizes.map((n) => log.append(payload(n))));
      expect(await readAll(log, 1)).to.deep.equal(sizes);
      await log.close();
      const found: number[] = [];
      const again = await ShardLog.open(new NodeFiles(), path, {
        ...options,
        recovered: (_, p) => found.push(p.length),
      });
      expect(found).to.deep.equal(sizes);
      expect([again.cut, again.last, again.bytes]).to.deep.equal([null, 200, log.bytes]);
      await again.close();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('never syncs a file again whose fsync failed', async () => {
    const files = new FaultyFiles(new MemoryFiles(), (call, n) =>
      call === 'datasync' && n === 2 ? { code: 'failed' } : null,
    );
    const log = await open(files);
    const results = await Promise.allSettled([log.append(payload(1)), log.append(payload(2))]);
    expect(results.map((r) => r.status)).to.deep.equal(['rejected', 'rejected']);
    expect(await codeOf(log.append(payload(3)))).to.equal('read only');
    expect(files.counts.get('datasync')).to.equal(2);
    expect(log.last).to.equal(0);
    expect(log.failure).to.be.instanceOf(StorageError);
    await log.close();
  });

  it('lets go of whole segments in front, of none that must be kept, and never of the last', async () => {
    const files = new MemoryFiles();
    const log = await open(files, { segmentBytesMax: 300 });
    for (let n = 1; n <= 40; n++) await log.append(payload(n));
    const all = await files.list(DIR);
    const { bytes } = log;
    await log.trim(20, bytes);
    expect(log.first).to.equal(1);
    await log.trim(20, 0);
    expect(log.first).to.be.within(15, 21);
    expect(await codeOf(readAll(log, 1))).to.equal('position gone');
    expect(await readAll(log, log.first)).to.deep.equal(lengths(log.first, 40));
    const keep = 600;
    await log.trim(40, keep);
    expect(log.bytes).to.be.within(keep, keep + 300);
    await log.trim(40, 0);
    expect((await files.list(DIR)).length).to.equal(1);
    expect(all).to.include((await files.list(DIR))[0]);
    await log.close();
    const again = await open(files);
    expect([again.first, again.last]).to.deep.equal([log.first, 40]);
    expect(await again.append(payload(41))).to.equal(41);
    await again.close();
  });

  it('tells a reader in front of whom segments go that its position is gone', async () => {
    const log = await open(new MemoryFiles(), { segmentBytesMax: 300 });
    for (let n = 1; n <= 40; n++) await log.append(payload(n));
    const reader = log.read(1);
    await reader.next();
    await log.trim(40, 0);
    const drained = (async () => {
      for await (const _ of reader);
    })();
    expect(await codeOf(drained)).to.equal('position gone');
    await log.close();
  });

  it('leaves no hole when the power fails between two removals', async () => {
    for (let cut = 1; ; cut++) {
      const files = new MemoryFiles();
      const log = await open(files, { segmentBytesMax: 300 });
      for (let n = 1; n <= 40; n++) await log.append(payload(n));
      await log.close();
      let calls = 0;
      const faulty = new FaultyFiles(files, (call) => {
        if (call !== 'remove' && call !== 'syncDirectory') return null;
        if (++calls < cut) return null;
        if (calls === cut) files.crash();
        return { code: 'failed' };
      });
      const cutShort = await open(faulty, { segmentBytesMax: 300 });
      const code = await codeOf(cutShort.trim(40, 0));
      if (code === 'fine') break;
      const again = await open(files);
      expect(await readAll(again, again.first)).to.deep.equal(lengths(again.first, 40));
      await again.close();
    }
  });
});

// private functions

function open(files: MemoryFiles | FaultyFiles, options: Partial<LogOptions> = {}): Promise<ShardLog> {
  return ShardLog.open(files, DIR, { shard: 3, ...options });
}

function lengths(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Its length is its identity. */
function payload(length: number): Uint8Array {
  return new Uint8Array(length).fill(length & 0xff);
}

async function readAll(log: ShardLog, from: number): Promise<number[]> {
  const lengths: number[] = [];
  let expected = from;
  for await (const { sequence, payload: bytes } of log.read(from)) {
    expect(sequence).to.equal(expected++);
    expect(bytes.byteOffset % 8).to.equal(0);
    expect(bytes.every((b) => b === (bytes.length & 0xff))).to.equal(true);
    lengths.push(bytes.length);
  }
  return lengths;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as StorageError).code;
  }
  return 'fine';
}

/** Appends one by one over several segments; lengths of what was acknowledged. */
async function runUntilFailure(memory: MemoryFiles, plan: FaultPlan): Promise<{ acked: number[]; failed: boolean }> {
  const acked: number[] = [];
  const log = await open(new FaultyFiles(memory, plan), { segmentBytesMax: 300 });
  let failed = false;
  for (let n = 1; n <= 16; n++) {
    const code = await codeOf(log.append(payload(n)).then(() => acked.push(n)));
    if (code !== 'fine') failed = true;
    if (failed) expect(code).to.equal('read only');
  }
  await log.close();
  return { acked, failed };
}
