/**
 * Limits of one query, with InfluxDB's words where it has them. What is counted on a shard is held against the limit there, and the sum
 * of all shards again where they meet. 0 = no limit.
 */
import { QueryError } from '../../language/errors.ts';
import type { Plan } from '../../planner/plan.ts';
import { answerWindows } from '../cells/window-times.ts';

export interface Limits {
  /** Rows that a query reads and that pass its conditions. */
  readonly pointsMax: number;
  /** Series whose tags pass. */
  readonly seriesMax: number;
  /** Windows of GROUP BY time() in the time range. */
  readonly bucketsMax: number;
  /** What a query may hold on one thread: cells, rows that LIMIT keeps of each group, rows of a subquery. */
  readonly bytesMax: number;
  /** Of raw rows: what a shard holds at a time to put it in order; never 0. Partials that are made of it take as much again. */
  readonly partBytes: number;
  /** Shards tell what they have counted though no limit is set on it. */
  readonly isCounted?: boolean;
}

/** A query of an ordinary dashboard holds a few megabytes. */
export const QUERY_BYTES_MAX = 512 * 1024 * 1024;

/** Fewer would have the same chunks decoded more often. */
export const PART_BYTES = 24 * 1024 * 1024;

export const NO_LIMITS: Limits = { pointsMax: 0, seriesMax: 0, bucketsMax: 0, bytesMax: 0, partBytes: PART_BYTES };

export function checkPoints(points: number, { pointsMax }: Limits): void {
  if (pointsMax > 0 && points > pointsMax) throw exceeded('max-select-point limit exceeed', points, pointsMax);
}

export function checkSeries(series: number, { seriesMax }: Limits): void {
  if (seriesMax > 0 && series > seriesMax) throw exceeded('max-select-series limit exceeded', series, seriesMax);
}

/** Of the plan and the subqueries in it; windows are counted where the statement says from when on. */
export function checkBuckets(plan: Plan, limits: Limits): void {
  const { bounds, window, subqueries } = plan;
  if (limits.bucketsMax === 0) return;
  if (window !== null && bounds.minStated) {
    const all = (plan.windows ?? [undefined]).map((kind) => answerWindows(plan, kind));
    const buckets = all.reduce((sum, times) => sum + times.last(bounds.max) - times.first(bounds.min) + 1, 0);
    if (buckets > limits.bucketsMax) throw exceeded('max-select-buckets limit exceeded', buckets, limits.bucketsMax);
  }
  for (const inner of subqueries) checkBuckets(inner, limits);
}

export function checkBytes(bytes: number, { bytesMax }: Limits): void {
  if (bytesMax > 0 && bytes > bytesMax) throw exceeded('max-query-bytes limit exceeded', bytes, bytesMax);
}

/** Whether shards have to tell what they have counted. */
export function areCounted({ pointsMax, seriesMax, isCounted }: Limits): boolean {
  return pointsMax > 0 || seriesMax > 0 || isCounted === true;
}

// private functions

function exceeded(words: string, found: number, limit: number): QueryError {
  return new QueryError('invalid', `${words}: (${found}/${limit})`);
}
