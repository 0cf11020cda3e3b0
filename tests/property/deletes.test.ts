/**
 * Deletes against a map: random rows, deletes by time and series, drops, sealings and merges that go on meanwhile, spans whose width
 * changes, readers that hold what was there, starts from the disk, and a power cut at any call to it. What is read is always what a
 * map of (series, time) would hold.
 */
import { expect } from 'chai';
import type { SeriesChoice } from '../../model/index.ts';
import { FaultyFiles, MemoryFiles, type RowsDeletion, ShardLog, ShardStore } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { batchOf, rowsOf, type TestPoint } from '../unit/storage/points.ts';

const STORE = '/data/shard-0';
const LOG = '/data/shard-0/log';
const KEYS = ['', 'a=1', 'a=2', 'a=2,b=x', 'b=y', 'c=3'];
const MEASUREMENTS = ['m', 'n'];
const EPOCH = 1_700_000_000_000_000_000n;
/** Some rows an hour apart, some a month: several spans and partitions. */
const STEPS = [3_600_000_000_000n, 30n * 24n * 3_600_000_000_000n];
/** Of buckets. */
const SPANS = [1n, 7n, 40n].map((days) => days * 24n * 3_600_000_000_000n);
const SCRIPTS = 40;
const MESSAGES = 60;
const ALL = { minTime: -(2n ** 63n) + 2n, maxTime: 2n ** 63n - 2n };

type Message =
  | { readonly kind: 'write'; readonly measurement: string; readonly points: readonly TestPoint[] }
  | {
      readonly kind: 'delete';
      readonly measurement: string;
      readonly keys: readonly string[] | null;
      readonly min: bigint;
      readonly max: bigint;
    }
  | { readonly kind: 'drop'; readonly measurement: string | null };

describe('deletes', () => {
  const seed = seedOfRun();

  it(`leave what a map would hold, whatever else goes on (seed ${seed})`, async () => {
    for (let script = 0; script < SCRIPTS; script++) await runScript(new Random(seed + script), `script ${script}`);
  });

  it(`are whole or undone after a power cut, and then done (seed ${seed})`, async () => {
    let states = 0;
    for (let script = 0; script < 3; script++) {
      const messages = makeMessages(new Random(seed + 1000 + script), 24);
      for (let cut = 1; ; cut++) {
        const files = new MemoryFiles();
        const run = await runUntil(files, messages, new Random(seed + script), cut, new Random(seed + cut));
        await checkRecovery(files, messages, run.count, `seed ${seed}, script ${script}, call ${cut}`);
        states++;
        if (run.finished) break;
      }
    }
    expect(states).to.be.greaterThan(100);
  });
});

// private functions

async function runScript(random: Random, what: string): Promise<void> {
  const files = new MemoryFiles();
  const messages = makeMessages(random, MESSAGES);
  let store = await openStore(files);
  const pinned: { release: () => void; check: () => void }[] = [];
  for (const [at, message] of messages.entries()) {
    applyTo(store, message);
    store.applied(at + 1);
    const place = `${what}, message ${at + 1}: ${print(message)}`;
    const model = modelOf(messages.slice(0, at + 1));
    expect(allOf(store), place).to.deep.equal(model);
    const dice = random.next();
    if (random.next() < 0.1) store.advise(nameOf(random.pick(MEASUREMENTS)), { spanNs: random.pick(SPANS) });
    if (dice < 0.15) pinned.push(pin(store, `${place}, pinned`));
    else if (dice < 0.35) void store.seal();
    else if (dice < 0.45) await store.seal();
    else if (dice < 0.5) void store.clean();
    else if (dice < 0.55) {
      await store.seal();
      await store.clean();
      expectClean(store, place);
    } else if (dice < 0.7) await new Promise((resolve) => setImmediate(resolve));
    else if (dice < 0.8) {
      for (const { check, release } of pinned.splice(0)) {
        check();
        release();
      }
      await store.close();
      store = await openStore(files);
      for (let s = store.sealed + 1; s <= at + 1; s++) {
        applyTo(store, messages[s - 1]);
        store.applied(s);
      }
    }
    expect(allOf(store), `${place}, then`).to.deep.equal(model);
  }
  for (const { check, release } of pinned) {
    check();
    release();
  }
  await store.close();
}

/** Nothing is hidden, and nothing to be merged by readers. */
function expectClean(store: ShardStore, place: string): void {
  const { tombstones, contestedBuckets, merges } = store.stats();
  expect([tombstones, contestedBuckets, merges.failed], place).to.deep.equal([0, 0, 0]);
}

/** What a reader sees who holds it from now on. */
function pin(store: ShardStore, place: string): { release: () => void; check: () => void } {
  const held = MEASUREMENTS.flatMap((measurement) => {
    const table = store.series('db', 'autogen', measurement);
    const rows = store.pin({ ...nameOf(measurement), ...ALL, series: null, fields: null });
    if (rows === null || table === null) return [];
    const read = (): unknown =>
      sorted(rowsOf(rows.scan({ min: ALL.minTime, max: ALL.maxTime }, null) as never, (s) => table.key(s)));
    const before = read();
    return [{ rows, check: () => expect(read(), place).to.deep.equal(before) }];
  });
  return {
    check: () => {
      for (const { check } of held) check();
    },
    release: () => {
      for (const { rows } of held) rows.release();
    },
  };
}

async function runUntil(
  files: MemoryFiles,
  messages: readonly Message[],
  random: Random,
  cut: number,
  luck: Random,
): Promise<{ count: number; finished: boolean }> {
  let calls = 0;
  const faulty = new FaultyFiles(files, (call) => {
    if (call === 'read') return null;
    calls++;
    if (calls < cut) return null;
    if (calls === cut) crash(files, luck);
    return { code: 'failed' };
  });
  let count = 0;
  let finished = false;
  let store: ShardStore | null = null;
  try {
    store = await openStore(faulty);
    const log = await ShardLog.open(faulty, LOG, { shard: 0, segmentBytesMax: 300 });
    for (const [at, message] of messages.entries()) {
      await log.append(Uint8Array.of(at));
      count = at + 1;
      applyTo(store, message);
      store.applied(at + 1);
      const dice = random.next();
      if (dice < 0.3) void store.seal();
      if (dice < 0.15) {
        await store.seal();
        await log.trim(store.sealed, 0);
      }
      if (dice > 0.8) void store.clean();
      if (dice > 0.9) await store.clean();
    }
    await store.close();
    finished = calls < cut;
  } catch {
    await store?.close().catch(() => {});
  }
  return { count, finished };
}

function crash(files: MemoryFiles, luck: Random): void {
  for (const directory of [`${STORE}/buckets`, `${STORE}/manifest`, LOG]) {
    if (luck.next() < 0.5) void files.syncDirectory(directory).catch(() => {});
  }
  files.crash((durable, seen) => {
    const kept = luck.between(0, 2);
    if (kept === 0) return durable;
    return kept === 1 ? seen : seen.slice(0, luck.between(Math.min(durable.length, seen.length), seen.length));
  });
}

async function checkRecovery(files: MemoryFiles, messages: readonly Message[], atLeast: number, place: string) {
  for (const round of ['first start', 'second start']) {
    const store = await openStore(files);
    const found: number[] = [];
    await files.makeDirectory(LOG);
    const log = await ShardLog.open(files, LOG, { shard: 0, recovered: (sequence) => found.push(sequence) });
    for (const sequence of found) {
      if (sequence <= store.sealed) continue;
      applyTo(store, messages[sequence - 1]);
      store.applied(sequence);
    }
    expect(log.last, place).to.be.at.least(atLeast);
    const model = modelOf(messages.slice(0, log.last));
    expect(allOf(store), `${place}, ${round}`).to.deep.equal(model);
    if (round === 'first start') await store.seal();
    expect(allOf(store), `${place}, ${round}, sealed`).to.deep.equal(model);
    if (round === 'second start') await store.clean();
    expect(allOf(store), `${place}, ${round}, at last`).to.deep.equal(model);
    if (round === 'second start') expectClean(store, place);
    await log.close();
    await store.close();
  }
}

function openStore(files: MemoryFiles | FaultyFiles): Promise<ShardStore> {
  return ShardStore.open(files, STORE, {
    shard: 0,
    manifestFullBytesMin: 2000,
    pace: () => Promise.resolve(),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  });
}

function makeMessages(random: Random, count: number): Message[] {
  const time = (): bigint => EPOCH + BigInt(random.between(0, 8)) * STEPS[0] + BigInt(random.between(0, 2)) * STEPS[1];
  return Array.from({ length: count }, (): Message => {
    const measurement = random.next() < 0.8 ? 'm' : 'n';
    const dice = random.next();
    if (dice < 0.6) {
      const points = Array.from({ length: random.between(1, 8) }, () => ({
        key: random.pick(KEYS),
        time: time(),
        fields: Object.fromEntries(
          ['f', 'g'].flatMap((name, i) =>
            i === 0 || random.next() < 0.5 ? [[name, { type: 'float', value: random.between(0, 99) }]] : [],
          ),
        ),
      }));
      return { kind: 'write', measurement, points: points as TestPoint[] };
    }
    if (dice > 0.97) return { kind: 'drop', measurement: random.next() < 0.7 ? measurement : null };
    const [a, b] = [time(), time()];
    const whole = random.next() < 0.3;
    const keys = random.next() < 0.4 ? null : KEYS.filter(() => random.next() < 0.4);
    const [min, max] = a < b ? [a, b] : [b, a];
    const open = random.next();
    return {
      kind: 'delete',
      measurement,
      keys,
      min: whole || open < 0.2 ? ALL.minTime : min,
      max: whole || open > 0.8 ? ALL.maxTime : max,
    };
  });
}

function applyTo(store: ShardStore, message: Message): void {
  switch (message.kind) {
    case 'write':
      store.apply(batchOf(message.points, message.measurement, 'db').batch);
      return;
    case 'delete': {
      const { measurement, keys, min: minTime, max: maxTime } = message;
      const table = store.series('db', 'autogen', measurement);
      if (table === null) return;
      const series =
        keys === null ? null : Uint8Array.from({ length: table.size }, (_, s) => (keys.includes(table.key(s)) ? 1 : 0));
      store.deleteRows({ ...nameOf(measurement), minTime, maxTime, series } satisfies RowsDeletion);
      return;
    }
    case 'drop':
      if (message.measurement === null) store.dropPolicy('db', 'autogen');
      else store.dropMeasurement('db', null, message.measurement);
  }
}

type Rows = Map<string, { key: string; time: bigint; fields: Record<string, number> }>;

/** The same by hand. */
function modelOf(messages: readonly Message[]): unknown {
  const all = new Map<string, { rows: Rows; fields: Set<string> }>();
  for (const message of messages) {
    if (message.kind === 'write') {
      const known = all.get(message.measurement) ?? { rows: new Map(), fields: new Set() };
      all.set(message.measurement, known);
      for (const { key, time, fields } of message.points) {
        const row = known.rows.get(`${key} ${time}`) ?? { key, time, fields: {} };
        known.rows.set(`${key} ${time}`, row);
        for (const [name, { value }] of Object.entries(fields)) {
          row.fields[name] = value as number;
          known.fields.add(name);
        }
      }
    } else if (message.kind === 'delete') {
      const { measurement, keys, min, max } = message;
      const known = all.get(measurement);
      for (const [name, { key, time }] of known?.rows ?? []) {
        if ((keys === null || keys.includes(key)) && time >= min && time <= max) known!.rows.delete(name);
      }
      if (known?.rows.size === 0) all.delete(measurement);
    } else if (message.measurement === null) all.clear();
    else all.delete(message.measurement);
  }
  return MEASUREMENTS.flatMap((measurement) => {
    const known = all.get(measurement);
    if (known === undefined) return [];
    const keys = [...new Set([...known.rows.values()].map(({ key }) => key))].sort();
    const tags = ['a', 'b', 'c'].filter((tag) => keys.some((key) => key.includes(`${tag}=`)));
    const rows = [...known.rows.values()].map(({ key, time, fields }) => line(`${key} ${time}`, fields));
    return [{ measurement, fields: [...known.fields].sort(), tags, keys, rows: rows.sort() }];
  });
}

/** Everything a reader can see. */
function allOf(store: ShardStore): unknown {
  return store
    .describe('db', 'autogen', () => true)
    .map(({ name, fields, tagKeys }) => {
      const table = store.series('db', 'autogen', name)!;
      const keys = Array.from({ length: table.size }, (_, s) => s)
        .filter((s) => table.has?.(s) !== false)
        .map((s) => table.key(s));
      const read = (series: SeriesChoice) =>
        rowsOf(store.scan({ ...nameOf(name), ...ALL, series, fields: null }), (s) => table.key(s));
      const rows = read(null);
      const lists = [0, 1].map((rest) =>
        Uint32Array.from({ length: (table.size + 1 - rest) >> 1 }, (_, i) => 2 * i + rest),
      );
      expect(sorted(lists.flatMap((list) => [...read(list)]))).to.deep.equal(sorted(rows));
      return {
        measurement: name,
        fields: [...fields.keys()].sort(),
        tags: tagKeys,
        keys: keys.sort(),
        rows: sorted(rows),
      };
    });
}

function sorted(rows: Iterable<readonly [string, Record<string, unknown>]>): string[] {
  return [...rows].map(([name, fields]) => line(name, fields)).sort();
}

function line(name: string, fields: Record<string, unknown>): string {
  const texts = Object.entries(fields).map(([field, value]) => `${field}=${String(value).replace(/^.* /, '')}`);
  return `${name} ${texts.sort().join(' ')}`;
}

function nameOf(measurement: string): { database: string; retentionPolicy: string; measurement: string } {
  return { database: 'db', retentionPolicy: 'autogen', measurement };
}

function print(message: Message): string {
  return JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
