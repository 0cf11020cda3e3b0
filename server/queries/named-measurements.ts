/** The measurements that a live query's statement names, by which it is known whether a change of the schema may concern it. */
import { matchesName } from '../../query/index.ts';

/** By its name, or a regex: plain data. */
export type MeasurementName = Parameters<typeof matchesName>[0];

/** What has changed, by name; null = anything may have. */
export interface ChangedMeasurements {
  readonly measurements: readonly string[] | null;
}

/** Whether a statement that names these measurements may mean others, or more of them, than before. */
export function concerns({ measurements }: ChangedMeasurements, reads: readonly MeasurementName[]): boolean {
  if (measurements === null) return true;
  const tests = reads.map(matchesName);
  return measurements.some((measurement) => tests.some((test) => test(measurement)));
}
