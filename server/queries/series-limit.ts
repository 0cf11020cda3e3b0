/**
 * SLIMIT and SOFFSET as InfluxDB counts series: all sets of the tags grouped by that a measurement has, whether or not they have a point
 * in the range, by the keys that a set has and then by its values, ascending whichever way the answer goes. What is known of series is
 * asked of the shards as SHOW SERIES asks.
 */
import { parseSeriesKey } from '../../model/index.ts';
import {
  type Expression,
  firstSeries,
  type Group,
  type Plan,
  type SelectStatement,
  type Shown,
  type ShowStatement,
  STEP_SERIES,
  type Steps,
  unwrap,
  walk,
} from '../../query/index.ts';

/** What asks for the series that a statement reads, as far as conditions on tags say. */
export function seriesAsked(statement: SelectStatement, { sources }: Plan): ShowStatement {
  const fields = new Set(sources.flatMap((source) => [...source.fields.keys()]));
  const tags = new Set(sources.flatMap(({ tagKeys }) => tagKeys));
  const conditions =
    statement.condition === null ? [] : conjuncts(statement.condition).filter((one) => isOf(one, tags, fields));
  return {
    kind: 'show series',
    database: null,
    sources: statement.sources.flatMap((source) => ('name' in source ? [source] : [])),
    condition: conditions.reduce<Expression | null>(
      (all, one) => (all === null ? one : { kind: 'binary', operator: 'AND', left: all, right: one }),
      null,
    ),
    limit: 0,
    offset: 0,
  };
}

/** The groups that are left. */
export function* seriesLeft(plan: Plan, shown: Shown): Steps<Group[]> {
  const { groupBy, seriesLimit, seriesOffset } = plan;
  const most = { groupBy, seriesLimit: seriesLimit + seriesOffset, seriesOffset: 0 };
  let groups: Group[] = [];
  for (const name of shown.names) {
    let left: Group[] = [];
    for (const [text] of shown.rows(name)) {
      const tags = new Map(parseSeriesKey(keyOf(text)));
      left.push({ name, tags: groupBy.map((key) => tags.get(key) ?? '') });
      if (left.length % STEP_SERIES === 0) yield null;
      if (left.length > 2 * most.seriesLimit + STEP_SERIES) left = yield* firstSeries(most, left);
    }
    groups = groups.concat(yield* firstSeries(plan, left));
  }
  return groups;
}

/** Whether it says that no series is read, before any is looked at: SOFFSET without SLIMIT, a condition that is false. */
export function readsNoSeries({ condition, seriesLimit, seriesOffset }: SelectStatement): boolean {
  if (seriesOffset > 0 && seriesLimit === 0) return true;
  return condition !== null && conjuncts(condition).some((one) => one.kind === 'boolean' && !one.value);
}

// private functions

function conjuncts(condition: Expression): Expression[] {
  const inner = unwrap(condition);
  if (inner.kind === 'binary' && inner.operator === 'AND') return [...conjuncts(inner.left), ...conjuncts(inner.right)];
  return [inner];
}

/** A name that is both is the field, one that is neither is, beside a text, a tag that no series has. */
function isOf(condition: Expression, tags: ReadonlySet<string>, fields: ReadonlySet<string>): boolean {
  const isOfText =
    condition.kind === 'binary' && [condition.left, condition.right].some((side) => unwrap(side).kind === 'string');
  let any = false;
  let others = false;
  walk(condition, (part) => {
    if (part.kind === 'reference') {
      any = true;
      others ||= part.cast !== 'tag' && (fields.has(part.name) || !(isOfText || tags.has(part.name)));
    }
    return undefined;
  });
  return any && !others;
}

/** What follows the measurement in the text of a series. */
function keyOf(text: string): string {
  return text.slice(/^(?:\\.|[^,\\])*/.exec(text)![0].length + 1);
}
