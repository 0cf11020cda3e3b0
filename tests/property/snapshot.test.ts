/**
 * Snapshots of a store, taken beside writes, sealings, drops and restarts: the buckets of one are the state at its sequence, whatever
 * happens until it is read; those of a later one since an earlier bring the earlier state to the later when what was removed is forgotten.
 */
import { expect } from 'chai';
import {
  BlockCache,
  BucketReader,
  bytesAsSource,
  covers,
  distinct,
  MemoryFiles,
  type Removal,
  type ReplacedRows,
  ShardStore,
  type StoreSnapshot,
} from '../../storage/index.ts';
import type { Tombstone } from '../../storage/store/tombstones.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { batchOf, rowsOf, type TestPoint } from '../unit/storage/points.ts';

const DIR = '/data/shard-0';
const SCRIPTS = 12;
const MESSAGES = 60;
const WEEK = 604_800_000_000_000n;

/** Database and row → fields. */
type State = Map<string, Record<string, string>>;

describe('snapshots of a store', () => {
  const seed = seedOfRun();

  it(`are the state at their sequence, and chains of them the last state (seed ${seed})`, async () => {
    let chained = 0;
    let removed = 0;
    let dropped = 0;
    let older = 0;
    for (let script = 0; script < SCRIPTS; script++) {
      const random = new Random(seed + script);
      const files = new MemoryFiles();
      let store = await open(files, random);
      const states: State[] = [new Map()];
      const messages: Message[] = [];
      let before: { snapshot: StoreSnapshot; state: State } | null = null;
      while (messages.length < MESSAGES) {
        apply(store, messages, states, random);
        if (random.next() < 0.1) await new Promise((resolve) => setImmediate(resolve));
        if (random.next() < 0.05) {
          await store.close();
          store = await open(files, random);
          for (let sequence = store.sealed + 1; sequence <= messages.length; sequence++) {
            applyOne(store, messages[sequence - 1], sequence);
          }
        }
        if (random.next() > 0.12) continue;
        const asked = messages.length;
        const taking = store.snapshot({ since: 0, databases: null });
        const sinceBefore = before === null ? 0 : before.snapshot.sequence;
        // goes on while the snapshot waits for its sealing
        for (let i = random.between(0, 3); i > 0; i--) {
          apply(store, messages, states, random);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const snapshot = await taking;
        // a removal behind its sequence shows in it already
        const isShown = messages.slice(snapshot.sequence).some(removes);
        // what other shards have removed: this one may have removed it long ago, or not at all
        const others = Array.from({ length: random.between(0, 2) }, () => removalOf(random));
        const later = await snapshotSince(store, sinceBefore, others);
        const isLaterShown = messages.slice(later.sequence).some(removes);
        for (let i = random.between(0, 3); i > 0; i--) apply(store, messages, states, random);
        const where = `seed ${seed}, script ${script}, message ${messages.length}`;
        expect(snapshot.sequence, where).to.be.at.least(asked);
        const state = await read(snapshot, files, new Map());
        if (!isShown) {
          expect(plain(state), where).to.deep.equal(plain(states[snapshot.sequence]));
        }
        if (before !== null && !isLaterShown) {
          chained++;
          if (later.removals!.length > 0) removed++;
          if (later.removals!.some(({ measurement }) => measurement === null)) dropped++;
          if (later.buckets.some(({ only }) => only !== null)) older++;
          const brought = await read(later, files, without(before.state, [...later.removals!, ...others]));
          expect(plain(brought), where).to.deep.equal(plain(states[later.sequence]));
        }
        snapshot.release();
        later.release();
        before = { snapshot, state };
      }
      await store.close();
    }
    expect(chained).to.be.greaterThan(SCRIPTS);
    expect(removed).to.be.greaterThan(0);
    expect(dropped).to.be.greaterThan(0);
    expect(older).to.be.greaterThan(0);
  });

  it('keeps files that are dropped beside it until it is released', async () => {
    const files = new MemoryFiles();
    const store = await open(files, new Random(1));
    applyOne(store, { database: 'a', points: [point('k=1', 0n, 1)] }, 1);
    const snapshot = await store.snapshot({ since: 0, databases: null });
    applyOne(store, { drop: 'a' }, 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await read(snapshot, files, new Map())).size).to.equal(1);
    snapshot.release();
    await store.close();
    expect(await files.list(`${DIR}/buckets`)).to.deep.equal([]);
  });
});

// private functions

type Span = { readonly database: string; readonly from: bigint; readonly to: bigint; readonly key: string | null };
type Message =
  | { readonly drop: string }
  | { readonly deleted: Span }
  | { readonly database: string; readonly points: readonly TestPoint[] };

function open(files: MemoryFiles, random: Random): Promise<ShardStore> {
  return ShardStore.open(files, DIR, {
    shard: 0,
    headBytes: random.pick([2_000, 20_000, 1_000_000]),
    manifestFullBytesMin: 2_000,
    failed: (error) => {
      throw error;
    },
  });
}

function messageOf(database: string, random: Random): Message {
  const luck = random.next();
  if (luck < 0.02) return { drop: database };
  const from = BigInt(random.between(-1, 1)) * WEEK + BigInt(random.between(0, 15));
  if (luck < 0.06) {
    const to = from + random.pick([0n, 5n, WEEK]);
    return { deleted: { database, from, to, key: random.pick([null, 'k=1', 'k=2']) } };
  }
  const points = Array.from({ length: random.between(1, 20) }, () =>
    point(
      `k=${random.between(0, 3)}`,
      BigInt(random.between(-1, 1)) * WEEK + BigInt(random.between(0, 15)),
      random.next(),
    ),
  );
  return { database, points };
}

/** Another message, and the state behind it. */
function apply(store: ShardStore, messages: Message[], states: State[], random: Random): void {
  const database = random.pick(['a', 'b']);
  const message = messageOf(database, random);
  messages.push(message);
  const state: State = new Map([...states.at(-1)!].map(([name, fields]) => [name, { ...fields }]));
  if ('drop' in message) for (const name of state.keys()) if (name.startsWith(`${message.drop} `)) state.delete(name);
  if ('deleted' in message) {
    const { from, to, key } = message.deleted;
    for (const name of state.keys()) {
      const [of, series, time] = name.split(' ');
      const isIn = of === database && (key === null || key === series);
      if (isIn && BigInt(time) >= from && BigInt(time) <= to) state.delete(name);
    }
  }
  if ('points' in message) {
    for (const { key, time, fields } of message.points) {
      const texts = Object.entries(fields).map(([name, { value }]) => [name, `float ${value}`]);
      merge(state, `${database} ${key} ${time}`, Object.fromEntries(texts));
    }
  }
  states.push(state);
  applyOne(store, message, messages.length);
}

function applyOne(store: ShardStore, message: Message, sequence: number): void {
  if ('drop' in message) store.dropDatabase(message.drop);
  else if ('deleted' in message) {
    const { database, from: minTime, to: maxTime, key } = message.deleted;
    const name = { database, retentionPolicy: 'autogen', measurement: 'm' };
    const table = store.series(database, 'autogen', 'm');
    const series =
      key === null ? null : Uint8Array.from({ length: table?.size ?? 0 }, (_, i) => (table!.key(i) === key ? 1 : 0));
    store.deleteRows({ ...name, minTime, maxTime, series, condition: key });
  } else store.apply(batchOf(message.points, 'm', message.database).batch);
  store.applied(sequence);
}

function point(key: string, time: bigint, value: number): TestPoint {
  const field = value < 0.4 ? 'x' : value < 0.8 ? 'y' : 'z';
  return { key, time, fields: { [field]: { type: 'float', value } } };
}

function removalOf(random: Random): Removal {
  const from = BigInt(random.between(-1, 1)) * WEEK + BigInt(random.between(0, 15));
  return {
    database: random.pick(['a', 'b']),
    measurement: 'm',
    condition: random.pick([null, 'k=0', 'k=1', 'k=3']),
    minTime: from,
    maxTime: from + random.pick([0n, 4n, WEEK]),
  };
}

/** With all that is left of what was removed. */
async function snapshotSince(store: ShardStore, since: number, others: readonly Removal[]): Promise<StoreSnapshot> {
  for (let replaced = others; ; ) {
    const asked = replaced
      .filter((removal) => !store.hasRemoved(removal, since))
      .map((one) => rowsOfRemoval(store, one));
    const snapshot = await store.snapshot({ since, databases: null, replaced: asked });
    const { removals } = snapshot;
    if (removals!.every((removal) => replaced.some((known) => covers(known, removal)))) return snapshot;
    replaced = distinct([...replaced, ...removals!]);
    snapshot.release();
  }
}

/** A condition is a series' key. */
function rowsOfRemoval(store: ShardStore, { condition, ...removal }: Removal): ReplacedRows {
  const table = store.series(removal.database, 'autogen', 'm');
  const size = condition === null ? 0 : (table?.size ?? 0);
  const series = Uint8Array.from({ length: size }, (_, i) => (table!.key(i) === condition ? 1 : 0));
  return { ...removal, retentionPolicy: null, series: condition === null ? null : series };
}

function without(state: State, removals: readonly Removal[]): State {
  const kept = [...state].filter(([name]) => {
    const [of, key, time] = name.split(' ');
    return !removals.some(
      ({ database, condition, minTime, maxTime }) =>
        database === of &&
        (condition === null || condition === key) &&
        BigInt(time) >= minTime &&
        BigInt(time) <= maxTime,
    );
  });
  return new Map(kept.map(([name, fields]) => [name, { ...fields }]));
}

function removes(message: Message): boolean {
  return !('points' in message);
}

/** What the buckets say, one after the other, on top of a state. */
async function read(snapshot: StoreSnapshot, files: MemoryFiles, state: State): Promise<State> {
  for (const [i, { bytes, rows, database, hidden, only }] of snapshot.buckets.entries()) {
    const pieces: Uint8Array[] = [];
    for await (const piece of snapshot.pieces(i)) pieces.push(piece);
    const cache = new BlockCache();
    const whole = new Uint8Array(Buffer.concat(pieces));
    expect(whole.length).to.equal(bytes);
    const reader = BucketReader.open(bytesAsSource('bucket', whole), files, cache, cache.register());
    expect([reader.rows, reader.database]).to.deep.equal([rows, database]);
    const keys = reader.seriesKeys();
    const all = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n, series: null, fields: null, map: null };
    for (const [name, fields] of rowsOf(reader.scan(all), (series) => keys.get(series))) {
      const [key, time] = name.split(' ');
      const isIn = (list: readonly Tombstone[]): boolean =>
        list.some(
          ({ min, max, series }) =>
            BigInt(time) >= min &&
            BigInt(time) <= max &&
            (series === null || [...series].some((n) => keys.get(n) === key)),
        );
      if (!isIn(hidden) && (only === null || isIn(only))) merge(state, `${database} ${name}`, fields);
    }
  }
  return state;
}

function merge(state: State, name: string, fields: Record<string, string>): void {
  state.set(name, { ...state.get(name), ...fields });
}

function plain(state: State): [string, Record<string, string>][] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1));
}
