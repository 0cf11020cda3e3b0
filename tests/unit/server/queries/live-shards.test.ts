/** A live query that is held while its home plans again: each point is told once, whatever is asked while the stream is read again. */
import { expect } from 'chai';
import { crc32c, encodeBatches } from '../../../../model/index.ts';
import { type Broker, openEmbeddedBroker } from '../../../../server/pubsub/index.ts';
import type { LiveAsk, LiveStart, ShardUpdate } from '../../../../server/queries/live-messages.ts';
import { LivePace } from '../../../../server/queries/live-pace.ts';
import { LiveShards } from '../../../../server/queries/live-shards.ts';
import { Recorder } from '../../../../server/recorder/index.ts';
import { MemoryFiles, ShardStore } from '../../../../storage/index.ts';
import { eventually } from '../../../support/api.ts';
import { AT, NOW, planOf, SECOND } from '../../query/live/simulation.ts';
import { batchOf } from '../../storage/points.ts';

const NAMED = { shard: 0, operator: 'q', instance: 1 };
const READS = { live: planOf({}), database: 'd', reads: [{ text: 'm' }] };
/** With a plan that knows of everything. */
const START: LiveStart = { ...NAMED, ...READS, home: 0, replayFrom: null, plannedAt: Number.MAX_SAFE_INTEGER };
const ASK: LiveAsk = {
  ...NAMED,
  round: 1,
  cursor: { sequence: 1, watermark: null, reach: 1n },
  windows: null,
  fetches: 0,
};

describe('a live query on a shard while it is held', () => {
  let broker: Broker;
  let store: ShardStore;
  let recorder: Recorder;
  let live: LiveShards;
  let updates: ShardUpdate[];
  let messages: number;
  let nowMs: number;
  /** Whoever reads the stream again waits behind it. */
  let gate: Promise<void>;
  let open: () => void;
  /** How often the stream was read again, up to where it was applied. */
  let readAgain: number;
  const home = {
    update: (update: ShardUpdate): void => void updates.push(update),
    failed: ({ message }: { message: string }): void => raise(new Error(message)),
    away: (): void => raise(new Error('nothing lies elsewhere')),
  };

  beforeEach(async () => {
    [updates, messages, nowMs, readAgain] = [[], 0, NOW, 0];
    shut();
    const files = new MemoryFiles();
    store = await ShardStore.open(files, 'store', { shard: 0, failed: raise });
    broker = await openEmbeddedBroker({ files, directory: 'streams', shards: [0] });
    const pace = new LivePace(
      () => NOW,
      () => 0,
      () => 0,
    );
    const nothing = (): void => {};
    live = new LiveShards({
      compression: files.compression,
      // each look at the clock is a moment later
      nowMs: () => (nowMs += 100),
      pace,
      refusedFar: nothing,
      broughtNear: nothing,
      schemaChanged: nothing,
      heard: nothing,
    });
    const consume: Broker['consume'] = async (options) => {
      await gate;
      const consumer = await broker.consume(options);
      const close = (): Promise<void> => {
        readAgain++;
        return consumer.close();
      };
      return { close };
    };
    const observer = live.observe(0, store, { consume } as Broker);
    const { compression } = files;
    recorder = new Recorder({ shard: 0, store, checksum: crc32c, compression, resolveDelete: () => [], failed: raise });
    await recorder.start({ broker, log: null, observer });
    await write('v');
    live.start(START, home);
  });
  afterEach(async () => {
    live.close();
    await recorder.close();
    await broker.close();
    await store.close();
  });

  it('tells what has come since it was held once, though its home answers again and again', async () => {
    await write('w');
    live.start(START, home);
    live.start(START, home);
    await write('v');
    live.start(START, home);
    open();
    await toldUpTo(3);
    await write('v');
    await toldUpTo(4);
    expect(toldIn(updates)).to.deep.equal([2, 3, 4]);
    expect(readAgain).to.equal(1);
  });

  it('reads the stream again each time that it is held', async () => {
    open();
    for (const field of ['w', 'x', 'y']) {
      await write(field);
      live.start(START, home);
      live.start(START, home);
      await toldUpTo(messages);
    }
    expect(toldIn(updates)).to.deep.equal([2, 3, 4]);
  });

  it('tells it either in the answer about what was missed or behind it', async () => {
    await write('v');
    live.ask(ASK);
    await write('w');
    await write('v');
    open();
    await eventually(
      () => readAgain,
      (times) => times === 1,
    );
    live.start(START, home);
    await eventually(
      () => updates.filter(isAnswer).length,
      (answers) => answers === 1,
    );
    await write('v');
    await toldUpTo(5);
    expect(toldIn(updates.slice(updates.findIndex(isAnswer)))).to.deep.equal([2, 3, 4, 5]);
  });

  it('is held until its home has planned for the last change', async () => {
    open();
    await write('w');
    await write('x');
    live.start({ ...START, plannedAt: 2 }, home);
    // whoever is no longer held is told by the same stream, behind it
    live.start({ ...START, operator: 'r', replayFrom: 2 }, home);
    await toldUpTo(3);
    expect(toldIn(updates.filter(({ operator }) => operator === 'q'))).to.deep.equal([]);
    live.start({ ...START, plannedAt: 3 }, home);
    await eventually(
      () => toldIn(updates.filter(({ operator }) => operator === 'q')),
      (told) => told.length === 2,
    );
  });

  it('is held on where the schema changes while the stream is read again', async () => {
    await write('w');
    live.start({ ...START, plannedAt: 2 }, home);
    await write('x');
    open();
    await eventually(
      () => readAgain,
      (times) => times === 1,
    );
    live.start({ ...START, instance: 2, replayFrom: 2, plannedAt: 3 }, home);
    await toldUpTo(3);
    await write('v');
    await toldUpTo(4);
    expect(toldIn(updates.filter(({ instance }) => instance === 1))).to.deep.equal([]);
    expect(toldIn(updates)).to.deep.equal([2, 3, 4]);
  });

  function shut(): void {
    gate = new Promise((resolve) => {
      open = resolve;
    });
  }

  /** One point, at as many seconds as this is messages, and applied. */
  async function write(field: string): Promise<void> {
    const id = { producer: 1, number: ++messages };
    const time = AT + BigInt(messages) * SECOND;
    const value = { type: 'float' as const, value: messages };
    const { batch } = batchOf([{ key: 'host=a', time, fields: { v: value, [field]: value } }], 'm', 'd');
    const message = encodeBatches({ ...id, shard: 0, generation: 1 }, [batch], crc32c);
    const { sequence } = await broker.publish(0, message, id);
    await recorder.reached(sequence);
  }

  async function toldUpTo(message: number): Promise<void> {
    await eventually(
      () => toldIn(updates),
      (told) => told.includes(message),
    );
  }
});

// private functions

function isAnswer({ round }: ShardUpdate): boolean {
  return round === ASK.round;
}

/** Numbers of the messages whose points are in updates, in order. */
function toldIn(updates: readonly ShardUpdate[]): number[] {
  return updates
    .flatMap(({ update }) => update.runs.flat())
    .flatMap(({ base, offsets }) => Array.from(offsets, (offset) => Number((base + BigInt(offset) - AT) / SECOND)));
}

function raise(error: Error): never {
  throw error;
}
