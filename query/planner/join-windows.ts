/** What ON WINDOW can join: it compares the starts of windows, which have to be the same ones on both sides, and to tell them apart. */
import type { Join, SelectSource } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printDimensions } from '../language/print-select.ts';
import { WINDOW_TAG } from './pane-windows.ts';

/** Throws QueryError. */
export function checkWindows({ left, right, keys }: Join): void {
  const [a, b] = [left.source, right.source].map((source) => windowsOf(source, keys));
  if (a === b) return;
  refuse(`ON WINDOW joins rows of the same windows: the left side has ${a}, the right side ${b}`);
}

// private functions

function windowsOf(source: SelectSource, keys: readonly string[]): string {
  if ('join' in source) return windowsOf(source.left.source, keys);
  const statement = 'subquery' in source ? source.subquery : null;
  const windows = statement?.dimensions.filter(({ kind }) => kind === 'time' || kind === 'window') ?? [];
  if (windows.length === 0) refuse('ON WINDOW joins subqueries that have windows: (SELECT … GROUP BY time(…))');
  for (const one of windows) {
    if (one.kind !== 'window' || one.window.of === 'hop') continue;
    if (one.window.of !== 'windows')
      refuse(`ON WINDOW joins windows that are known by their start: time() and hop(), not ${one.window.of}()`);
    if (!keys.includes(WINDOW_TAG))
      refuse(`ON WINDOW of several windows() takes the tag that tells them apart too: ON WINDOW, "${WINDOW_TAG}"`);
  }
  const zone = statement?.timeZone === undefined ? '' : ` tz('${statement.timeZone}')`;
  return printDimensions(windows).replace(' GROUP BY ', '') + zone;
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
