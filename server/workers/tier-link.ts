/** What joins the shards of a worker to their tier: the configuration and the catalogue's advice on one side, counters on the other. */
import { randomBytes } from 'node:crypto';
import type { Files, MoveOptions } from '../../storage/index.ts';
import { adviceOf, type CatalogueView, findPolicy } from '../catalogue/index.ts';
import type { Config } from '../config.ts';
import type { Metrics } from '../telemetry/index.ts';
import { openTier } from '../tiers/index.ts';

/** Of one shard of `shards`; null = there is no tier. */
export function tierOf(
  { tier, tierAfterNs, tierCacheBytes }: Config,
  shards: number,
  files: Files,
  catalogue: CatalogueView,
  metrics: Metrics,
  warn: (text: string, error: Error) => void,
): MoveOptions | null {
  if (tier === null) return null;
  return {
    objects: openTier(tier, process.env, files, {
      requested: (method) => metrics.counter('tier_requests', { method }).add(),
      again: () => metrics.counter('tier_retries').add(),
    }),
    cacheBytesMax: Math.floor(tierCacheBytes / shards),
    identity: () => randomBytes(8).toString('hex'),
    afterNs: ({ database, retentionPolicy, measurement }) => {
      const { documents } = catalogue;
      const { tierAfter } = adviceOf(documents, database, measurement);
      if (tierAfter !== undefined) return BigInt(tierAfter);
      return findPolicy(documents, database, retentionPolicy)?.tierAfter ?? tierAfterNs;
    },
    nowNs: () => BigInt(Date.now()) * 1_000_000n,
    warn,
  };
}
