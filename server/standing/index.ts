/** Queries that stand inside the server without a client: what keeps them open, and the stored continuous queries that write. */

export { Checkpoints } from './checkpoints.ts';
export { spelledOut } from './definition.ts';
export { Followed, type Runs } from './followed.ts';
export { Line } from './line.ts';
export {
  type StandingBatch,
  type StandingConsumer,
  type StandingPort,
  StandingQuery,
  type StandingRequest,
} from './standing-query.ts';
export { type RefreshCall, StoredQueries, type StoredStatus } from './stored-queries.ts';
export {
  executeStored,
  isStoredStatement,
  type StoredRequest,
  type StoredStatement,
} from './stored-statements.ts';
