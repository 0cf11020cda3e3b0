/** Queries that stand inside the server without a client: what keeps them open. */
export {
  type StandingBatch,
  type StandingConsumer,
  type StandingPort,
  StandingQuery,
  type StandingRequest,
} from './standing-query.ts';
