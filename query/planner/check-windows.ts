/** What does not go together with a window beyond time(), and what to ask instead. Called by check.ts when the fields are known. */
import { TRANSFORMS } from '../functions/transform.ts';
import type { SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { WINDOW_TAG } from './pane-windows.ts';
import { isOfRows } from './row-windows.ts';

/** Functions whose rows have times of their own, or are several of a window. */
const OWN_ROWS: ReadonlySet<string> = new Set(['distinct', 'top', 'bottom', 'sample']);

/** `calls`: those in the fields. Throws QueryError. `counted`: the statement asks for `_count`. */
export function checkWindows(
  { dimensions, fill }: SelectStatement,
  calls: readonly { readonly name: string }[],
  counted: boolean,
): void {
  const ownRows = calls.find(({ name }) => OWN_ROWS.has(name));
  if (counted && ownRows !== undefined)
    refuse(`_count cannot stand beside ${ownRows.name}(): ask for count() on its own`);
  for (const dimension of dimensions) {
    if (dimension.kind === 'time' && dimension.months !== undefined) {
      const forecast = calls.find(({ name }) => name.startsWith('holt_winters'));
      if (forecast !== undefined) refuse(`${forecast.name}() needs windows that are equally wide, such as time(30d)`);
    }
    if (dimension.kind !== 'window') continue;
    const { window } = dimension;
    const fromRowToRow = calls.find(({ name }) => TRANSFORMS.has(name));
    if (fromRowToRow !== undefined) {
      const advice = `put the windows into a subquery: SELECT ${fromRowToRow.name}(x) FROM (SELECT … AS x … GROUP BY ${window.of}(…))`;
      refuse(`${fromRowToRow.name}() cannot look from one ${window.of}() window to the next: ${advice}`);
    }
    if (isOfRows(window) && fill !== null && fill.kind !== 'none' && fill.kind !== 'null') {
      refuse(`fill() has nothing to fill between ${window.of}() windows: they are where rows are`);
    }
    const named = dimensions.some((other) => other.kind === 'tag' && other.name === WINDOW_TAG);
    if (window.of === 'windows' && named) {
      refuse(`windows() gives its series the tag "${WINDOW_TAG}": no other tag of this name can be grouped by`);
    }
  }
}

// private functions

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
