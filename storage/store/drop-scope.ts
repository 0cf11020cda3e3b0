/** What a drop is about: a database, a policy of it, or a measurement in one policy or in all. */
import type { DropScope, MeasurementName } from '../head/types.ts';

export function isDatabase({ retentionPolicy, measurement }: DropScope): boolean {
  return retentionPolicy === null && measurement === null;
}

/** The measurement goes with it. */
export function holds(scope: DropScope, { database, retentionPolicy, measurement }: MeasurementName): boolean {
  if (scope.database !== database) return false;
  if (scope.retentionPolicy !== null && scope.retentionPolicy !== retentionPolicy) return false;
  return scope.measurement === null || scope.measurement === measurement;
}
