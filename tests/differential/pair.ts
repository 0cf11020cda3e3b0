/** InfluxDB and ours side by side, with the same databases and the same points. */
import { type InfluxServer, startInfluxDB } from '../support/influxdb.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Answers {
  readonly theirs: Answer;
  readonly ours: Answer;
}

export class Pair {
  readonly #theirs: InfluxServer;
  readonly #ours: TestServer;

  private constructor(theirs: InfluxServer, ours: TestServer) {
    this.#theirs = theirs;
    this.#ours = ours;
  }

  /** Ours has two shards, so that answers are merged. */
  static async start(databases: readonly string[]): Promise<Pair> {
    const [theirs, ours] = await Promise.all([startInfluxDB(), startServer([...QUIET, '--shards', '2'])]);
    const pair = new Pair(theirs, ours);
    for (const database of databases) await pair.query(`CREATE DATABASE "${database}"`);
    return pair;
  }

  write(lines: string, parameters: Readonly<Record<string, string>>): Promise<Answers> {
    return this.#both('/write', parameters, { method: 'POST', body: lines });
  }

  query(q: string, parameters: Readonly<Record<string, string>> = {}): Promise<Answers> {
    return this.#both('/query', { db: 'd', ...parameters }, { method: 'POST', body: new URLSearchParams({ q }) });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#theirs.stop(), this.#ours.stop()]);
  }

  async #both(path: string, parameters: Readonly<Record<string, string>>, request: RequestInit): Promise<Answers> {
    const ask = async ({ http }: { http: string }): Promise<Answer> => {
      const url = `${http}${path}?${new URLSearchParams(parameters)}`;
      const response = await fetch(url, request).catch((error: Error) => {
        if (!isClosed(error)) throw error;
        return fetch(url, request);
      });
      return { status: response.status, text: await response.text() };
    };
    const [theirs, ours] = await Promise.all([ask(this.#theirs), ask(this.#ours)]);
    return { theirs, ours };
  }
}

// private functions

/** A server closes a connection on which nothing came for seconds; who asks at that moment asks again, as clients do. */
function isClosed({ cause }: Error): boolean {
  return (cause as { code?: string } | undefined)?.code === 'UND_ERR_SOCKET';
}
