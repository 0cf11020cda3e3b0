/** Column names of an answer, as InfluxDB makes them: alias, else the function's or column's name; doubles become `mean_1`. */
import type { Expression, SelectField } from '../language/ast.ts';
import { unwrap, walk } from '../language/walk.ts';

export function columnNames(fields: readonly SelectField[], timeName: string): string[] {
  const used = new Map<string, number>([[timeName, 1]]);
  for (const { alias } of fields) if (alias !== null) used.set(alias, 1);
  return fields.map(({ alias, expression }) => alias ?? unusedName(ownName(expression), used));
}

// private functions

function ownName(expression: Expression): string {
  const e = unwrap(expression);
  if (e.kind === 'reference') return e.name;
  if (e.kind === 'call') return e.name.toLowerCase();
  if (e.kind !== 'binary') return '';
  const parts: string[] = [];
  walk(e, (part) => {
    if (part.kind === 'reference') parts.push(part.name);
    if (part.kind !== 'call') return undefined;
    parts.push(part.name.toLowerCase());
    return false;
  });
  return parts.join('_');
}

function unusedName(name: string, used: Map<string, number>): string {
  let count = used.get(name);
  if (count === undefined) {
    used.set(name, 1);
    return name;
  }
  while (used.has(`${name}_${count}`)) count++;
  const resolved = `${name}_${count}`;
  used.set(name, count + 1);
  used.set(resolved, 1);
  return resolved;
}
