/**
 * SLIMIT and SOFFSET as InfluxDB counts series: all sets of the tags grouped by that a measurement has, whether or not they have a point
 * in the range, by the keys that a set has and then by its values, ascending whichever way the answer goes. What is known of series is asked
 * of the shards as SHOW SERIES asks.
 */
import { compareText, parseSeriesKey } from '../../model/index.ts';
import {
  type Expression,
  type Group,
  type Plan,
  type SelectStatement,
  type ShowPart,
  type ShowStatement,
  unwrap,
  walk,
} from '../../query/index.ts';

/** Whether the series of a plan are counted so. The rows of a subquery are of no series: their groups are counted as they come. */
export function limitsSeries({ seriesLimit, sources }: Plan): boolean {
  return seriesLimit > 0 && sources.length > 0 && sources.every(({ subquery }) => subquery === undefined);
}

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
export function seriesLeft(plan: Plan, perShard: readonly (readonly ShowPart[])[]): Group[] {
  const { groupBy, seriesLimit, seriesOffset } = plan;
  const byName = new Map<string, Map<string, Group>>();
  for (const { name, rows } of perShard.flat()) {
    let groups = byName.get(name);
    if (groups === undefined) byName.set(name, (groups = new Map()));
    for (const [text] of rows) {
      const tags = new Map(parseSeriesKey(keyOf(text)));
      const values = groupBy.map((key) => tags.get(key) ?? '');
      const there = groupBy.filter((key) => tags.has(key));
      groups.set([...there, ...there.map((key) => tags.get(key)!)].join('|'), { name, tags: values });
    }
  }
  return [...byName.values()].flatMap((groups) =>
    [...groups]
      .sort(([a], [b]) => compareText(a, b))
      .slice(seriesOffset, seriesOffset + seriesLimit)
      .map(([, group]) => group),
  );
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
