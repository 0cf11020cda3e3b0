/** `millrace query`: one text, its answer as table, JSON or CSV. A statement's error goes to stderr and makes the exit code 1. */
import { type Command, Option } from 'commander';
import type { Epoch, QueryResult } from '../sdk/index.ts';
import { type ServerFlags, serverCommand, textOf, withClient } from './common.ts';
import { csvOf, tableOf } from './format.ts';

interface Flags extends ServerFlags {
  readonly db: string;
  readonly format: 'table' | 'json' | 'csv';
  readonly epoch?: Epoch;
}

export function queryCommand(): Command {
  return serverCommand('query', 'Ask a query and print its answer.')
    .argument('[query...]', 'the query; without it standard input is read')
    .option('--db <name>', 'database', process.env.MILLRACE_DB ?? '')
    .addOption(new Option('--format <format>', 'of the answer').choices(['table', 'json', 'csv']).default('table'))
    .addOption(new Option('--epoch <unit>', 'times as numbers').choices(['ns', 'u', 'ms', 's', 'm', 'h']))
    .action(query);
}

// private functions

async function query(words: string[], flags: Flags): Promise<void> {
  const q = await textOf(words, 'query');
  await withClient(flags, async (client) => {
    const results = await client.query(flags.db, q, { epoch: flags.epoch });
    process.stdout.write(textOfResults(results, flags.format));
    const failed = results.find((result) => result.error !== undefined);
    if (failed?.error !== undefined) throw new Error(failed.error);
  });
}

function textOfResults(results: readonly QueryResult[], format: Flags['format']): string {
  if (format === 'json') return `${JSON.stringify({ results }, null, 2)}\n`;
  const series = results.flatMap((result) => result.series ?? []);
  return format === 'csv' ? csvOf(series) : tableOf(series);
}
