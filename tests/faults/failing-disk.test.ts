/**
 * The n-th call to the disk fails, for every n and every kind of call, once as a broken disk and once as a full one: nothing is
 * acknowledged that the next start does not find, and nothing is found that was not written.
 */
import { expect } from 'chai';
import type { FaultyCall } from '../../storage/files/faulty.ts';
import { FaultyFiles, MemoryFiles, StorageError, type StorageErrorCode } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';
import {
  type Message,
  makeMessages,
  openStore,
  readAll,
  replay,
  runScript,
  statesOf,
} from '../support/shard-script.ts';

const CALLS: readonly FaultyCall[] = [
  'open',
  'write',
  'datasync',
  'truncate',
  'syncDirectory',
  'rename',
  'remove',
  'read',
];
const CODES: readonly StorageErrorCode[] = ['failed', 'no space'];
const MESSAGES = 24;

describe('a disk whose n-th call fails', () => {
  const seed = seedOfRun();
  const messages = makeMessages(new Random(seed), MESSAGES);
  let states: readonly string[] = [];

  before(async () => {
    states = await statesOf(messages);
  });

  for (const call of CALLS) {
    for (const code of CODES) {
      it(`${call}, "${code}" (seed ${seed})`, async () => {
        for (let n = 1; await strikes(call, n, code, messages, states, seed); n++);
      });
    }
  }
});

// private functions

/** False: the script makes fewer calls. */
async function strikes(
  call: FaultyCall,
  n: number,
  code: StorageErrorCode,
  messages: readonly Message[],
  states: readonly string[],
  seed: number,
): Promise<boolean> {
  const place = `seed ${seed}, ${call} ${n} "${code}"`;
  const files = new MemoryFiles();
  let struck = false;
  const faulty = new FaultyFiles(files, (kind, count) => {
    if (kind !== call || count !== n) return null;
    struck = true;
    return { code, bytes: kind === 'write' ? n % 40 : undefined };
  });
  let acknowledged = 0;
  try {
    await runScript(faulty, messages, new Random(seed), (count) => (acknowledged = count));
    expect(acknowledged, place).to.equal(messages.length);
  } catch (error) {
    if (!struck || !(error instanceof StorageError)) throw new Error(`${place}: ${(error as Error).stack}`);
  }
  files.crash();
  const store = await openStore(files).catch((error) => {
    throw new Error(`${place}: ${(error as Error).message}`, { cause: error });
  });
  const last = await replay(files, store, messages);
  expect(last, place).to.be.at.least(acknowledged);
  expect(readAll(store), place).to.equal(states[last]);
  await store.close();
  return struck;
}
