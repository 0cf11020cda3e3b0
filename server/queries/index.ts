/** Queries: historical ones over all shards, live ones (stage 1 on the shards, stage 2 at their home), and their answers as bytes. */
export { withEdges } from './cumulated.ts';
export { type CheckDeleteCall, checkDelete } from './deletes.ts';
export { type WriteLines, writeInto, writeRows } from './into.ts';
export * from './live-homes.ts';
export * from './live-messages.ts';
export { LivePace } from './live-pace.ts';
export * from './live-shards.ts';
export type { LiveListener, LivePlace } from './operator-port.ts';
export * from './plan-over-shards.ts';
export { namePolicies, policyNamed } from './policy-names.ts';
export * from './query-runner.ts';
export * from './running-queries.ts';
export { SelectRunner, StaleSchema } from './select-runner.ts';
