/** What differs between the kinds of stage 1 when a live query begins, or is held. */
import { LiveLeaves, type LivePlan, LiveShard, type LiveStage, type LiveUpdate, LiveView } from '../../query/index.ts';

/** Silent from now on, where it is one that can be while its stream goes on: true. */
export function rest(stage: LiveStage): boolean {
  if (!(stage instanceof LiveView)) return false;
  stage.stream.rest(stage);
  return true;
}

/** One of the other kind held nothing: a query is of one kind or the other, but for the time when it reads nothing at all. */
export function startAfter(stage: LiveStage, nowMs: number, before: LiveStage | null): LiveUpdate {
  if (stage instanceof LiveView) return stage.start(nowMs, before instanceof LiveView ? before : null);
  if (stage instanceof LiveLeaves) return stage.start(nowMs, before instanceof LiveLeaves ? before : null);
  return stage.start(nowMs, before instanceof LiveShard ? before : null);
}

/** A stage that starts reads everything that its query asks for: nothing has to be replayed to it. */
export function readsAllAgain({ plan, leaves, lookBack }: LivePlan): boolean {
  if (leaves !== undefined) return leaves.every(readsAllAgain);
  if (lookBack === null) return true;
  return plan.bounds.minStated || (plan.kind !== 'raw' && plan.window === null);
}

/** A view is told of because something of it has ended; the others say themselves whether they can wait. */
export function isDueNow(stage: LiveStage, nowMs: number): boolean {
  return stage instanceof LiveView || stage.due(nowMs);
}

/** Of those that share nothing. */
export function isAnyDue(alone: Iterable<{ readonly stage: LiveStage }>, nowMs: number): boolean {
  for (const { stage } of alone) if (isDueNow(stage, nowMs)) return true;
  return false;
}
