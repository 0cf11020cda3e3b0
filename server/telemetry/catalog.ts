/**
 * Every metric of the server in one table: its kind, what it says, its labels. A name that is not here cannot be made (metrics.ts
 * checks it at compile time and at run time), so this table is the documentation of `/metrics` and of `_internal`.
 *
 * The name in `/metrics` is `millrace_<name>`, with `_total` behind it for a counter; in `_internal`, measurement `millrace`, a
 * counter is the field `<name>_per_second`, a gauge is `<name>`, and a histogram is `<name>_count`, `_mean`, `_p50` and `_p99` of
 * the last interval; labels are tags.
 */

export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Names of its labels; absent = none. */
  readonly labels?: readonly string[];
  /** Of a histogram: upper bounds, ascending; one bucket without a bound follows. */
  readonly buckets?: readonly number[];
  /** Of a gauge: how the values of several threads become one. Default sum. */
  readonly merge?: 'sum' | 'max';
}

export type MetricTable = Readonly<Record<string, MetricDefinition>>;

/** From 0.1 ms (a lone fsync on a good disk) to 10 s (the longest anybody waits), about 2 to 2.5 times apart. */
const MILLISECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const;
/** From a single point to the largest message. */
const BYTES = [256, 1024, 4096, 16_384, 65_536, 131_072, 262_144, 524_288, 1_048_576, 4_194_304] as const;

export const METRICS = {
  // writing
  points_in: { kind: 'counter', help: 'points accepted', labels: ['door'] },
  bytes_in: {
    kind: 'counter',
    help: 'bytes of write bodies and datagrams received, after decompression',
    labels: ['door'],
  },
  batches_in: { kind: 'counter', help: 'columnar batches made of what was written', labels: ['door'] },
  points_rejected: { kind: 'counter', help: 'points refused, by reason', labels: ['door', 'reason'] },
  datagrams_in: { kind: 'counter', help: 'UDP datagrams received' },
  datagrams_dropped: { kind: 'counter', help: 'UDP datagrams dropped, by reason', labels: ['reason'] },
  write_ms: { kind: 'histogram', help: 'time from a write body to its acknowledgement', buckets: MILLISECONDS },
  // stream and storage
  messages_published: { kind: 'counter', help: 'messages that got a place in the stream of a shard' },
  messages_duplicate: { kind: 'counter', help: 'messages refused because their id was in the stream already' },
  message_bytes: { kind: 'histogram', help: 'size of published messages', buckets: BYTES },
  publish_failed: { kind: 'counter', help: 'publishes that failed, by code of the error', labels: ['code'] },
  publish_ms: { kind: 'histogram', help: 'time until a message is in the stream', buckets: MILLISECONDS },
  fsync_ms: { kind: 'histogram', help: 'time of one fsync of an append log', buckets: MILLISECONDS },
  log_bytes: { kind: 'gauge', help: 'bytes of append logs on disk' },
  head_bytes: { kind: 'gauge', help: 'bytes of columns held in memory' },
  head_points: { kind: 'gauge', help: 'points held in memory' },
  bucket_bytes: { kind: 'gauge', help: 'bytes of sealed buckets on disk' },
  buckets: { kind: 'gauge', help: 'sealed buckets' },
  bucket_rows: {
    kind: 'gauge',
    help: 'rows in sealed buckets; a point that was overwritten counts as often as it is there',
  },
  buckets_contested: { kind: 'gauge', help: 'sealed buckets whose late rows make reads merge' },
  bucket_merges: { kind: 'gauge', help: 'times that buckets were written anew since the start' },
  bucket_merge_bytes: { kind: 'gauge', help: 'bytes of the buckets that came out of merges since the start' },
  bucket_merges_failed: { kind: 'gauge', help: 'merges given up for an error since the start' },
  shards_settling: {
    kind: 'gauge',
    help: 'shards whose buckets are being merged, or wait for neighbours that may come',
  },
  shards_busy: {
    kind: 'gauge',
    help: 'shards that seal or merge right now, or have buckets that are to move to object storage',
  },
  bucket_files_open: { kind: 'gauge', help: 'files of buckets that are open' },
  bucket_footer_bytes: { kind: 'gauge', help: 'bytes of footers of buckets held in memory' },
  blocks_read: { kind: 'gauge', help: 'blocks of buckets read and decoded since the start' },
  block_bytes_read: { kind: 'gauge', help: 'bytes of them' },
  kernel_arrays: {
    kind: 'gauge',
    help: 'columns of large scans that lie in the memory of kernels, of 64 in a thread; the most of any thread',
    merge: 'max',
  },
  kernel_reads: {
    kind: 'gauge',
    help: 'buffers of large scans in the memory of kernels, of 6 in a thread (3 for a scan); the most of any thread',
    merge: 'max',
  },
  kernel_memory_refused: {
    kind: 'counter',
    help: 'times that a large scan found none of them left, and took memory of its own, from which kernels copy',
  },
  tombstones: { kind: 'gauge', help: 'deletes that buckets hide until they are written anew, by bucket' },
  sealing_waits: { kind: 'gauge', help: 'messages that waited until a head was sealed, since the start' },
  sealings: { kind: 'gauge', help: 'times that a head was sealed to buckets since the start' },
  expiries: { kind: 'counter', help: 'times that spans of a retention policy were removed for their age' },
  series: { kind: 'gauge', help: 'series known' },
  backups: { kind: 'counter', help: 'backups given out, by outcome', labels: ['outcome'] },
  backups_running: { kind: 'gauge', help: 'backups under way; each holds the buckets it names' },
  backup_bytes: { kind: 'counter', help: 'bytes of backups given out' },
  rows_restored: { kind: 'counter', help: 'rows of backups that were written again' },
  // object storage
  tier_buckets: { kind: 'gauge', help: 'sealed buckets that lie in object storage' },
  tier_bytes: { kind: 'gauge', help: 'bytes of buckets in object storage' },
  tier_moved: { kind: 'gauge', help: 'buckets moved to object storage since the start' },
  tier_failures: { kind: 'gauge', help: 'attempts to move a bucket, or to remove strays, that failed since the start' },
  tier_strays: { kind: 'gauge', help: 'objects that no manifest named, removed since the start' },
  tier_requests: { kind: 'counter', help: 'requests that object storage answered, by method', labels: ['method'] },
  tier_retries: { kind: 'counter', help: 'requests to object storage that were made again' },
  tier_read_bytes: { kind: 'gauge', help: 'bytes of blocks fetched from object storage since the start' },
  tier_cache_bytes: { kind: 'gauge', help: 'disk that the cache of fetched blocks takes' },
  tier_cache_hits: { kind: 'gauge', help: 'pages found in the cache since the start' },
  tier_cache_misses: { kind: 'gauge', help: 'pages not found in the cache since the start' },
  tier_cache_failures: { kind: 'gauge', help: 'pages that the cache could not keep or read since the start' },
  live_brought_near: {
    kind: 'counter',
    help: 'times that live queries had what they begin with fetched from object storage, by requests of a shard',
  },
  live_refused_far: {
    kind: 'counter',
    help: 'live queries ended because they would have read what lies in object storage and was not, or could not be, brought near',
  },
  // asking and watching
  queries: { kind: 'counter', help: 'historical queries answered, by outcome', labels: ['outcome'] },
  queries_running: { kind: 'gauge', help: 'historical queries under way' },
  query_ms: { kind: 'histogram', help: 'time of a historical query', buckets: MILLISECONDS },
  http_requests: { kind: 'counter', help: 'HTTP requests, by route and status', labels: ['route', 'status'] },
  logins_refused: {
    kind: 'counter',
    help: 'requests and connections whose user is not known or whose password is wrong',
  },
  sessions: { kind: 'gauge', help: 'WebSocket and event-stream connections open' },
  subscriptions: { kind: 'gauge', help: 'subscriptions of clients open' },
  live_streams: { kind: 'gauge', help: 'streams that live queries share, by shard' },
  live_slices: { kind: 'gauge', help: 'slices of groups that the shared streams hold' },
  live_slice_bytes: { kind: 'gauge', help: 'memory that these take, about' },
  live_share_percent: {
    kind: 'gauge',
    help: 'time that live queries may take for rows of open windows, of all workers',
  },
  live_wait_ms: {
    kind: 'gauge',
    help: 'how much later rows of open windows come than EMIT asks for, on average, summed over workers',
  },
  live_points_on_time: { kind: 'counter', help: 'points of live queries whose window was open, by each query' },
  live_points_late: { kind: 'counter', help: 'points of live queries that have changed a window that was closed' },
  live_points_dropped: { kind: 'counter', help: 'points of live queries that came too late to change their window' },
  live_points_ahead: { kind: 'counter', help: 'points of live queries later than the clock by more than AHEAD' },
  live_windows_recomputed: { kind: 'counter', help: 'windows that live queries have read again from what is stored' },
  live_series_let_go: { kind: 'counter', help: 'series that live queries keep nothing of any more, by state_ttl' },
  live_leaf_rows_most: {
    kind: 'gauge',
    help: 'most rows that one live query running has read or had under way on a shard; it ends beyond 1,000,000',
    merge: 'max',
  },
  live_held_rows_most: {
    kind: 'gauge',
    help: 'rows that the windows of the live query with most of them hold; it ends beyond 2,000,000',
    merge: 'max',
  },
  live_joined_rows_most: {
    kind: 'gauge',
    help: 'joined rows that the last answer of a live join was made of, of the one with most of them; it ends beyond 1,000,000',
    merge: 'max',
  },
  live_cpu_seconds: {
    kind: 'counter',
    help: 'processor seconds of the operators of live queries, by thread; without what goes between threads and to clients',
    labels: ['thread'],
  },
  live_queries: { kind: 'gauge', help: 'distinct live queries running, each shared by its subscriptions' },
  standing_queries: { kind: 'gauge', help: 'stored continuous queries running' },
  standing_late_points: { kind: 'counter', help: 'of them: points that came too late for their windows' },
  standing_points: { kind: 'counter', help: 'points written by stored continuous queries' },
  standing_failures: {
    kind: 'counter',
    help: 'failures of stored continuous queries, which go on, by reason',
    labels: ['reason'],
  },
  alerts: { kind: 'gauge', help: 'alerts running' },
  alert_series: { kind: 'gauge', help: 'series that alerts know' },
  alert_firing: { kind: 'gauge', help: 'series of alerts that are at a level' },
  alert_waiting: { kind: 'gauge', help: 'notifications of alerts that wait for their webhooks' },
  alert_changes: { kind: 'counter', help: 'changes of level that alerts have told, and reminders', labels: ['reason'] },
  alert_rows_ignored: {
    kind: 'counter',
    help: 'rows that alerts did not judge, by reason (older: a revision of a window before the last)',
    labels: ['reason'],
  },
  alert_deliveries: {
    kind: 'counter',
    help: 'notifications of alerts by what became of them; retried counts attempts',
    labels: ['outcome'],
  },
  alert_failures: { kind: 'counter', help: 'failures of alerts, which go on, by reason', labels: ['reason'] },
  frames_out: { kind: 'counter', help: 'frames sent to clients' },
  frame_bytes_out: { kind: 'counter', help: 'bytes of frames sent to clients' },
  frames_conflated: { kind: 'counter', help: 'frames replaced by a newer one before a slow client took them' },
  live_held_bytes: { kind: 'gauge', help: 'bytes of frames held for clients that are slow, paused, or ask for few' },
  socket_buffered_bytes: { kind: 'gauge', help: 'bytes given to WebSockets that the kernel has not taken yet' },
  live_overflows: {
    kind: 'counter',
    help: 'times that more was held for a client than may be, so that a subscription let go and replays it from the log later',
  },
  live_groups_parted: {
    kind: 'counter',
    help: 'times that rows of a group of subscriptions were sent before one of them had come as far',
  },
  // the server itself
  event_loop_lag_ms: { kind: 'gauge', help: '99th percentile of the delay of the event loop', merge: 'max' },
  thread_cpu_seconds: {
    kind: 'counter',
    help: 'processor seconds of each thread that runs JavaScript; 0 before Node 22.19',
    labels: ['thread'],
  },
  threads: { kind: 'gauge', help: 'threads that run shards' },
  internal_errors: { kind: 'counter', help: 'errors that nobody expected; each is in the log' },
  telemetry_write_failed: { kind: 'counter', help: 'reports about the server that could not be written' },
} as const satisfies MetricTable;
