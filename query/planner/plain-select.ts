/** A SELECT of nothing, with no clause: what the planner builds the statements of subqueries and of sides of joins on. */
import type { SelectStatement } from '../language/ast.ts';

export const PLAIN_SELECT: SelectStatement = {
  kind: 'select',
  fields: [],
  sources: [],
  condition: null,
  dimensions: [],
  fill: null,
  order: 'ascending',
  limit: 0,
  offset: 0,
  seriesLimit: 0,
  seriesOffset: 0,
};
