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
  /** By worker, for how many values it may have rows; a value that all may have says nothing. */
  const votes = new Map<number, number>();
  let values = 0;
  for (const [, tag, value] of text.matchAll(EQUALITY)) {
    if (++values > VALUES_MAX) return null;
    const name = { database, measurement, tag: plain(tag), value };
    const workers = new Set(owners.filter((_, shard) => directory.mayHold(shard, name)));
    for (const worker of workers) votes.set(worker, (votes.get(worker) ?? 0) + 1);
  }
  const most = Math.max(0, ...votes.values());
  const best = [...votes].filter(([, count]) => count === most);
  return best.length === 1 ? best[0][0] : null;
}

// private functions

function plain(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1) : name;
}
