/** What the stores of a worker's shards say of themselves, as gauges: read when somebody asks for metrics. */
import type { ShardStore, StoreStats } from '../../storage/index.ts';
import type { Metrics } from '../telemetry/index.ts';

/** Walks all stores. */
export function gaugeStores(metrics: Metrics, stores: readonly ShardStore[]): void {
  const all = stores.map((store) => store.stats());
  const total = (of: (stats: StoreStats) => number): number => all.reduce((sum, stats) => sum + of(stats), 0);
  metrics.gauge('head_bytes').set(total((stats) => stats.bytes));
  metrics.gauge('head_points').set(total((stats) => stats.points));
  metrics.gauge('series').set(total((stats) => stats.series));
  metrics.gauge('tombstones').set(total((stats) => stats.tombstones));
  metrics.gauge('sealings').set(total((stats) => stats.sealings));
  metrics.gauge('buckets').set(total((stats) => stats.buckets));
  metrics.gauge('bucket_bytes').set(total((stats) => stats.bucketBytes));
  metrics.gauge('bucket_rows').set(total((stats) => stats.bucketRows));
  metrics.gauge('buckets_contested').set(total((stats) => stats.contestedBuckets));
  metrics.gauge('bucket_merges').set(total((stats) => stats.merges.done));
  metrics.gauge('bucket_merge_bytes').set(total((stats) => stats.merges.bytes));
  metrics.gauge('bucket_merges_failed').set(total((stats) => stats.merges.failed));
  metrics.gauge('shards_settling').set(total((stats) => (stats.isSettled ? 0 : 1)));
  metrics.gauge('shards_busy').set(total((stats) => (stats.isBusy ? 1 : 0)));
  metrics.gauge('tier_buckets').set(total((stats) => stats.farBuckets));
  metrics.gauge('tier_bytes').set(total((stats) => stats.farBytes));
  metrics.gauge('tier_moved').set(total(({ tier }) => tier?.moved ?? 0));
  metrics.gauge('tier_failures').set(total(({ tier }) => tier?.failures ?? 0));
  metrics.gauge('tier_strays').set(total(({ tier }) => tier?.strays ?? 0));
  metrics.gauge('tier_read_bytes').set(total(({ tier }) => tier?.bytesFetched ?? 0));
  metrics.gauge('tier_cache_bytes').set(total(({ tier }) => tier?.cacheBytes ?? 0));
  metrics.gauge('tier_cache_hits').set(total(({ tier }) => tier?.cacheHits ?? 0));
  metrics.gauge('tier_cache_misses').set(total(({ tier }) => tier?.cacheMisses ?? 0));
  metrics.gauge('tier_cache_failures').set(total(({ tier }) => tier?.cacheFailures ?? 0));
  metrics.gauge('bucket_files_open').set(total((stats) => stats.openFiles));
  metrics.gauge('bucket_footer_bytes').set(total((stats) => stats.footerBytes));
  metrics.gauge('blocks_read').set(total((stats) => stats.blocksRead));
  metrics.gauge('block_bytes_read').set(total((stats) => stats.blockBytesRead));
}
