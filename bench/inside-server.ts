/**
 * Loaded into a server under measurement (`node --import`), by every thread of it: collects garbage when asked, so that what memory is
 * left is in use, and knows the longest pause of each thread's event loop. Asked over the child's IPC channel; the main thread asks the
 * workers.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

/** Threads that have not answered by then are not there. */
const ANSWERS_MS = 1_000;
/** The turn of an answer, most of which is garbage collection, is noted as a pause when it is over; after this it is forgotten. */
const OWN_PAUSE_MS = 500;

/** Since the answer before, without what answering took. */
export interface ThreadState {
  readonly thread: 'main' | 'worker';
  readonly longestPauseMs: number;
  readonly heapBytes: number;
  readonly arrayBytes: number;
}

export interface InsideState {
  readonly rssBytes: number;
  readonly threads: readonly ThreadState[];
}

const pauses = monitorEventLoopDelay({ resolution: 1 });
pauses.enable();
const channel = new BroadcastChannel('bench');
channel.unref();

if (isMainThread) {
  process.on('message', () => void answer());
  process.channel?.unref();
} else {
  channel.onmessage = ({ data }: { data: unknown }) => {
    if (data === 'ask') channel.postMessage(state());
  };
  channel.unref();
}

// private functions

async function answer(): Promise<void> {
  const threads: ThreadState[] = [state()];
  channel.onmessage = ({ data }: { data: unknown }) => {
    if (data !== 'ask') threads.push(data as ThreadState);
  };
  channel.postMessage('ask');
  await new Promise((resolve) => setTimeout(resolve, ANSWERS_MS));
  process.send!({ rssBytes: process.memoryUsage.rss(), threads } satisfies InsideState);
}

function state(): ThreadState {
  const longestPauseMs = pauses.max / 1e6;
  globalThis.gc?.();
  globalThis.gc?.();
  setTimeout(() => pauses.reset(), OWN_PAUSE_MS).unref();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { thread: isMainThread ? 'main' : 'worker', longestPauseMs, heapBytes: heapUsed, arrayBytes: arrayBuffers };
}
