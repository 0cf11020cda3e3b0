/** What EXPLAIN says of a plan, line by line: what each shard is asked to compute, over what, and what is put together at home. */
import { printDuration } from '../language/print-expression.ts';
import { type Bound, type Plan, type PlanJoin, windowStart } from './plan.ts';
import { RULES } from './rules.ts';
import type { PlanWindow } from './window-grid.ts';

export function explainPlan(plan: Plan, shards: number): string[] {
  const lines: string[] = [];
  for (const { name, field, type } of plan.aggregates) lines.push(`EXPRESSION: ${name}(${field}::${type})`);
  for (const { name, input } of plan.transforms) lines.push(`TRANSFORM: ${name}(${rowName(plan, input)})`);
  const columns = plan.columns.map(({ kind, name, type }) => `${name}::${kind === 'tag' ? 'tag' : type}`);
  if (columns.length > 0) lines.push(`AUXILIARY FIELDS: ${columns.join(', ')}`);
  for (const { name, field } of plan.derived ?? []) lines.push(`DERIVED: ${name} of ${field}`);
  if (plan.sources.length === 0) lines.push('SOURCE: nothing that the statement names exists');
  for (const { database, retentionPolicy, measurement, subquery, condition } of plan.sources) {
    const inner = plan.join === undefined ? `subquery ${(subquery ?? 0) + 1}` : joinText(plan.join);
    const place = subquery === undefined ? `${database}.${retentionPolicy}.${measurement}` : inner;
    lines.push(`SOURCE: ${place}${condition === null ? '' : ` WHERE ${conditionText(condition)}`}`);
  }
  const { min, max, minStated, maxStated } = plan.bounds;
  lines.push(`TIME: ${minStated ? min : 'first'} … ${maxStated || plan.window !== null ? max : 'last'}`);
  if (plan.window !== null) {
    const what = plan.windows === undefined ? 'WINDOWS' : 'PANES';
    lines.push(`${what}: ${widthText(plan.window)} from ${windowStart(plan, 0)}, fill ${plan.fill.kind}`);
  }
  for (const { label, every, count, steps, grid } of plan.windows ?? []) {
    const name = label === undefined ? '' : `${label} `;
    const longest = count + steps - 1;
    const panes = steps > 1 ? `${count} to ${longest} panes` : `${count} pane${count === 1 ? '' : 's'}`;
    lines.push(`WINDOWS: ${name}${grid === undefined ? panes : 'by local time'}, one every ${every}`);
  }
  if (plan.rowWindow !== undefined) lines.push(`WINDOWS: ${plan.rowWindow.of}, by the rows of subquery 1`);
  if (plan.groupBy.length > 0) lines.push(`GROUP BY: ${plan.groupBy.join(', ')}`);
  const rules = RULES.filter(({ holds }) => holds(plan)).map(({ name }) => name);
  if (rules.length > 0 && plan.sources.length > 0) lines.push(`RULES: ${rules.join(', ')}`);
  lines.push(`NUMBER OF SHARDS: ${plan.sources.some(({ subquery }) => subquery === undefined) ? shards : 0}`);
  for (const [number, inner] of plan.subqueries.entries()) {
    lines.push(`SUBQUERY ${number + 1}:`, ...explainPlan(inner, shards).map((line) => `  ${line}`));
  }
  return lines;
}

// private functions

function widthText({ interval, months, split }: PlanWindow): string {
  if (months !== undefined) return `${months}mo`;
  if (split === undefined) return printDuration(interval);
  return `${printDuration(split)} and ${printDuration(interval - split)}, in turn,`;
}

function rowName({ aggregates, columns, transforms }: Plan, index: number): string {
  if (index < aggregates.length) return `${aggregates[index].name}(${aggregates[index].field})`;
  const column = columns[index - aggregates.length];
  return column?.name ?? transforms[index - aggregates.length - columns.length].name;
}

function joinText({ kind, within, keys, fill }: PlanJoin): string {
  const reach = within === null ? '' : ` ${printDuration(within)}`;
  const on = keys.length === 0 ? '' : ` on ${keys.join(', ')}`;
  return `${kind} join${reach} of subquery 1 and subquery 2${on}${fill === null ? '' : `, fill ${fill.kind}`}`;
}

function conditionText(bound: Bound): string {
  switch (bound.kind) {
    case 'literal':
      return typeof bound.value === 'string' ? `'${bound.value}'` : String(bound.value);
    case 'regex':
      return `/${bound.pattern}/`;
    case 'absent':
      return 'absent';
    case 'field':
      return `${bound.name}::${bound.type}`;
    case 'tag':
      return `${bound.name}::tag`;
    case 'edge':
      return `_${bound.of}`;
    case 'column':
      return `#${bound.index}`;
    case 'call':
      return `${bound.name}(${bound.args.map(conditionText).join(', ')})`;
    case 'binary':
      return `(${conditionText(bound.left)} ${bound.operator} ${conditionText(bound.right)})`;
  }
}
