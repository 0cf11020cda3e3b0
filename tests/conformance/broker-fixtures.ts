/** How the conformance suite opens each adapter. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, openEmbeddedBroker, openNatsBroker } from '../../server/pubsub/index.ts';
import { type Files, MemoryFiles, NodeFiles } from '../../storage/index.ts';
import { startNats } from '../support/nats.ts';
import { type BrokerFixture, MESSAGE_BYTES_MAX, SHARDS } from './broker.ts';

export async function embeddedFixture(): Promise<BrokerFixture> {
  const files = new NodeFiles();
  let directory = '';
  return {
    async open() {
      directory = await mkdtemp(join(tmpdir(), 'millrace-broker-'));
      return open(files, directory);
    },
    reopen: () => open(files, directory),
    clean: () => rm(directory, { recursive: true, force: true }),
    end: async () => undefined,
  };
}

export async function memoryFixture(): Promise<BrokerFixture> {
  let files: Files;
  return {
    open() {
      files = new MemoryFiles();
      return open(files, '/data');
    },
    reopen: () => open(files, '/data'),
    clean: async () => undefined,
    end: async () => undefined,
  };
}

/** One server for all tests: a new generation has new streams. */
export async function natsFixture(): Promise<BrokerFixture> {
  const nats = await startNats();
  let generation = 0;
  const openGeneration = (): Promise<Broker> =>
    openNatsBroker({
      servers: [nats.server],
      shards: SHARDS,
      generation: () => generation,
      messageBytesMax: MESSAGE_BYTES_MAX,
      streamBytesMax: 16 * 1024 * 1024,
    });
  return {
    open() {
      generation++;
      return openGeneration();
    },
    reopen: openGeneration,
    clean: async () => undefined,
    end: () => nats.stop(),
  };
}

// private functions

function open(files: Files, directory: string): Promise<Broker> {
  return openEmbeddedBroker({
    files,
    directory,
    shards: SHARDS,
    messageBytesMax: MESSAGE_BYTES_MAX,
    // small, so that tests cross from one segment to the next
    segmentBytesMax: 4 * MESSAGE_BYTES_MAX,
  });
}
