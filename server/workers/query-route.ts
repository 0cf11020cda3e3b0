/**
 * At which worker a query begins: where the shards are that have the tag values it names, as nothing has to be carried to another
 * thread then. A guess from the text, made by the main thread, which parses nothing; the worker finds out by itself whom to ask.
 */
import type { ShardDirectory } from '../queries/index.ts';

/** Longer texts are not looked at. */
const TEXT_MAX = 4_096;
const VALUES_MAX = 32;
const FROM = /\bfrom\s+("[^"\\.]+"|[a-z_]\w*)(?![\w".])/i;
const EQUALITY = /("[^"\\]+"|[a-z_]\w*)\s*=\s*'([^'\\]+)'/gi;

export interface Owners {
  /** owners[shard] = index of its worker. */
  readonly owners: readonly number[];
  readonly directory: ShardDirectory;
}

/** null = any would do. */
export function likelyWorker(text: string, database: string, { owners, directory }: Owners): number | null {
  if (text.length > TEXT_MAX) return null;
  const from = FROM.exec(text);
  if (from === null) return null;
  const measurement = plain(from[1]);
  /** By worker, for how many values it may have rows, and the last of those. A value that all may have says nothing. */
  const votes: number[] = [];
  const last: number[] = [];
  let values = 0;
  EQUALITY.lastIndex = from.index;
  for (let found = EQUALITY.exec(text); found !== null; found = EQUALITY.exec(text)) {
    if (++values > VALUES_MAX) return null;
    const name = { database, measurement, tag: plain(found[1]), value: found[2] };
    for (let shard = 0; shard < owners.length; shard++) {
      const worker = owners[shard];
      if (last[worker] === values || !directory.mayHold(shard, name)) continue;
      last[worker] = values;
      votes[worker] = (votes[worker] ?? 0) + 1;
    }
  }
  let best = -1;
  let isTie = false;
  for (const worker of votes.keys()) {
    const [more, most] = [votes[worker] ?? 0, votes[best] ?? 0];
    if (more > most) best = worker;
    isTie = more > most ? false : isTie || more === most;
  }
  return best < 0 || isTie ? null : best;
}

// private functions

function plain(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1) : name;
}
