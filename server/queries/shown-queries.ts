/** SHOW QUERIES as InfluxDB shows it: a row for each query under way, its text in canonical form, for how long in Go's words. */
import { type Column, TextDictionary } from '../../model/index.ts';
import { print, QueryError, type ResultTable, type Statement } from '../../query/index.ts';
import type { RunningQuery } from './running-queries.ts';

const COLUMNS = ['qid', 'query', 'database', 'duration', 'status'];

/** `parse` is asked for texts that were parsed before: what may not be shown, `print` leaves out. */
export function shownQueries(
  running: readonly RunningQuery[],
  parse: (text: string) => readonly Statement[],
): ResultTable[] {
  const id: Column = { type: 'integer', values: Float64Array.from(running, (query) => query.id), present: null };
  const texts = [
    running.map(({ text }) => canonical(text, parse)),
    running.map(({ database }) => database),
    running.map(({ runningMs }) => goDuration(runningMs)),
    running.map(({ killed }) => (killed ? 'killed' : 'running')),
  ];
  const data = [id, ...texts.map(textColumn)];
  return [{ name: '', tags: null, columns: COLUMNS, rows: running.length, data }];
}

// private functions

function canonical(text: string, parse: (text: string) => readonly Statement[]): string {
  try {
    return parse(text).map(print).join('; ');
  } catch (error) {
    if (error instanceof QueryError) return '';
    throw error;
  }
}

/** The whole seconds, milliseconds or microseconds there are. */
function goDuration(ms: number): string {
  if (ms < 1) return `${Math.floor(ms * 1000)}µs`;
  if (ms < 1000) return `${Math.floor(ms)}ms`;
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h > 0) return `${h}h${m}m${s}s`;
  return m > 0 ? `${m}m${s}s` : `${s}s`;
}

function textColumn(texts: readonly string[]): Column {
  const values = Uint32Array.from(texts, (_, i) => i);
  return { type: 'string', values, dictionary: TextDictionary.of(texts), present: null };
}
