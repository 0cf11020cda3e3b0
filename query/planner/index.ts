/** Door of the planner: statements to plans, and what the server needs to gather the schemas for one. */
export { fieldsOf } from './bind.ts';
export { checkCount } from './check-show.ts';
export { explainPlan } from './explain.ts';
export { columnNames } from './names.ts';
export { WINDOW_TAG } from './pane-windows.ts';
export { PLAIN_SELECT } from './plain-select.ts';
export * from './plan.ts';
export { type PlanFrame, planFrame, planLike } from './plan-frame.ts';
export { type PlanContext, planSelect } from './plan-select.ts';
export { isOfRows } from './row-windows.ts';
export {
  type MeasurementMatcher,
  matchesName,
  measurementMatchers,
  measurementsOf,
  mergeSchemas,
  targetsOf,
} from './schema.ts';
export { splitTime } from './time-range.ts';
export { timeValue } from './time-value.ts';
export { shiftAt, type ZoneShift } from './time-zone.ts';
export { chosenTags } from './wildcards.ts';
