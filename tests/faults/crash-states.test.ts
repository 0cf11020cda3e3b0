/**
 * Power cuts, enumerated: the changes that a shard makes to its disk while it appends, rolls segments, seals, merges, swaps its manifest,
 * drops databases and trims its log are recorded; at every place of the record the disks that a power cut may leave are made and
 * started from. What comes back is always the state after a prefix of the messages that holds all that was acknowledged.
 */
import { expect } from 'chai';
import type { MemoryFiles } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { CrashDisk, RecordingFiles, type Survival } from '../support/recording-files.ts';
import {
  type Message,
  makeMessages,
  openStore,
  readAll,
  replay,
  runScript,
  SHARD_DIRECTORIES,
  statesOf,
} from '../support/shard-script.ts';

const STATES_MIN = 20_000;
/** Disks made at every place of a record, beside the two extremes. */
const RANDOM_DISKS = 18;
/** One disk in so many is sealed and started once more. */
const SECOND_START = 50;

interface Expected {
  readonly messages: readonly Message[];
  readonly states: readonly string[];
  readonly acknowledged: number;
}

describe('every disk that a power cut may leave', function () {
  this.timeout(600_000);
  const seed = seedOfRun();

  it(`is started from, with all that was acknowledged (${STATES_MIN} disks, seed ${seed})`, async () => {
    const seen = new Set<string>();
    for (let script = 0; seen.size < STATES_MIN; script++) {
      const random = new Random(seed + script);
      const messages = makeMessages(random);
      const states = await statesOf(messages);
      const files = new RecordingFiles();
      await runScript(files, messages, random, (count) => files.acknowledged(count));
      const disk = new CrashDisk();
      let acknowledged = 0;
      for (const [at, change] of files.changes.entries()) {
        disk.happen(change);
        if (change.kind === 'acknowledged') acknowledged = change.count;
        for (const survival of survivals(random)) {
          const left = await disk.after(survival, SHARD_DIRECTORIES);
          const id = `${script} ${acknowledged}\n${left.id}`;
          if (seen.has(id)) continue;
          seen.add(id);
          const place = `seed ${seed}, script ${script}, change ${at} (${change.kind})`;
          await check(left.files, { messages, states, acknowledged }, place, seen.size % SECOND_START === 0);
        }
      }
    }
  });
});

// private functions

function* survivals(random: Random): Generator<Survival> {
  yield 'nothing';
  yield 'everything';
  for (let i = 0; i < RANDOM_DISKS; i++) yield { random, part: random.pick([0.15, 0.5, 0.85]) };
}

async function check(files: MemoryFiles, expected: Expected, place: string, again: boolean): Promise<void> {
  const { messages, states, acknowledged } = expected;
  try {
    let store = await openStore(files);
    const last = await replay(files, store, messages);
    expect(last, place).to.be.at.least(acknowledged);
    expect(readAll(store), place).to.equal(states[last]);
    if (again) {
      await store.seal();
      await store.close();
      store = await openStore(files);
      await replay(files, store, messages);
      expect(readAll(store), `${place}, sealed and started again`).to.equal(states[last]);
      await store.clean();
      expect(readAll(store), `${place}, sealed and clean`).to.equal(states[last]);
    }
    await store.close();
  } catch (error) {
    throw new Error(`${place}: ${(error as Error).message}`, { cause: error });
  }
}
