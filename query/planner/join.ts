/** A SELECT over a join: the one source that it reads, and what of the sides its plan needs. Called by the planner. */
import type { Expression, SelectStatement } from '../language/ast.ts';
import { bindCondition, fieldsOf } from './bind.ts';
import { fieldsWith } from './derived.ts';
import type { JoinNames } from './join-names.ts';
import { type Conditions, type Opened, OpenJoin, type PlanSide } from './open-join.ts';
import type { Bound, Derived, Plan, PlanSource } from './plan.ts';
import type { Schemas } from './schema.ts';
import type { TimeRange } from './time-range.ts';

export interface JoinSetting {
  readonly range: TimeRange;
  readonly context: Schemas;
  readonly planSide: PlanSide;
  /** The join itself, where its names were asked for before. */
  readonly opened?: Opened;
  readonly derived: readonly Derived[];
}

/** The join that a SELECT reads from, null where it reads from none. `condition`: without its time range. Throws QueryError. */
export function openJoin(
  statement: SelectStatement,
  condition: Expression | null,
  { range, context, planSide, opened, derived }: JoinSetting,
): SelectJoin | null {
  const [source] = statement.sources;
  if (source === undefined || !('join' in source)) return null;
  const join = opened !== undefined && 'join' in opened ? opened.join : new OpenJoin(source, range, context, planSide);
  for (const { expression } of statement.fields) join.names.checkNames(expression);
  if (condition !== null) join.names.checkNames(condition);
  for (const dimension of statement.dimensions) if (dimension.kind === 'tag') join.names.checkName(dimension.name);
  for (const { field } of derived) join.names.checkName(field);
  return new SelectJoin(join, condition, derived);
}

/** A join as what one SELECT reads from. */
export class SelectJoin {
  readonly names: JoinNames;
  readonly source: PlanSource;
  readonly #join: OpenJoin;
  readonly #conditions: Conditions;
  readonly #derived: readonly Derived[];

  constructor(join: OpenJoin, condition: Expression | null, derived: readonly Derived[]) {
    this.#derived = derived;
    this.names = join.names;
    this.#join = join;
    this.#conditions = join.split(condition);
    const { rest } = this.#conditions;
    const fields = fieldsWith(join.names.known.fields, derived);
    this.source = {
      database: '',
      retentionPolicy: '',
      measurement: join.name,
      fields,
      tagKeys: join.names.known.tagKeys,
      subquery: 0,
      condition: rest === null ? null : bindCondition(rest, { ...join.names.known, fields }),
    };
  }

  /** What the plan of the SELECT reads. `isInside`: a SELECT around it may group by any of its tags. */
  read(
    { aggregates, columns, groupBy }: Pick<Plan, 'aggregates' | 'columns' | 'groupBy'>,
    isInside: boolean,
  ): Pick<Plan, 'sources' | 'subqueries' | 'join'> {
    const { condition } = this.source;
    const carried = (wanted: 'field' | 'tag') => columns.filter(({ kind }) => kind === wanted).map(({ name }) => name);
    const base = (name: string): string => this.#derived.find((one) => one.name === name)?.field ?? name;
    const asked = new Set([...aggregates.map(({ field }) => field), ...carried('field')].map(base));
    const tags = new Set([
      ...carried('tag'),
      ...groupBy,
      ...tagsOf(condition),
      ...(isInside ? this.names.known.tagKeys : []),
    ]);
    const bases = this.#derived.map(({ field }) => field);
    const fields = new Set([...asked, ...fieldsOf(condition).map(base), ...bases]);
    const { join, sides } = this.#join.plan({ asked, fields, tags }, this.#conditions);
    const isEmpty = join.fill === null && sides.some(({ sources }) => sources.length === 0);
    return isEmpty ? { sources: [], subqueries: [] } : { sources: [this.source], subqueries: sides, join };
  }
}

// private functions

function tagsOf(bound: Bound | null): string[] {
  if (bound === null) return [];
  if (bound.kind === 'binary') return [...tagsOf(bound.left), ...tagsOf(bound.right)];
  return bound.kind === 'tag' ? [bound.name] : [];
}
