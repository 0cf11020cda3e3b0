/** Threads of a benchmark: the file that asks for one is what it runs. */
import { Worker } from 'node:worker_threads';

/** Runs the module at `url` with this work; resolves when it has said anything, which means that it is ready. */
export function startedThread(url: string, work: object): Promise<Worker> {
  const worker = new Worker(new URL(url), { workerData: work });
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve(worker));
    worker.once('error', reject);
  });
}

/** What a thread says next, which is taken to be its answer. */
export function askThread<T>(worker: Worker, what: string): Promise<T> {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.postMessage(what);
  });
}
