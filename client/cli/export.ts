/**
 * `millrace export`: the answer of a query, or a measurement whole, to a file or standard output as Parquet, CSV, line protocol or
 * Arrow. Bytes are written as they come, at the pace of whoever takes them. A file that could not be finished is removed.
 */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { quoteName, quoteText } from '../sdk/index.ts';
import { type ServerFlags, serverCommand, textOf, withClient } from './common.ts';
import { Progress } from './progress.ts';

const ACCEPT = {
  parquet: 'application/vnd.apache.parquet',
  csv: 'text/csv',
  line: 'application/x-line-protocol',
  arrow: 'application/vnd.apache.arrow.stream',
} as const;

interface Flags extends ServerFlags {
  readonly db: string;
  readonly rp?: string;
  readonly measurement?: string;
  readonly from?: string;
  readonly to?: string;
  readonly format: keyof typeof ACCEPT;
  readonly output: string;
}

export function exportCommand(): Command {
  return serverCommand('export', 'Write a query’s answer or a measurement to a file.')
    .argument('[query...]', 'the query; without it and without --measurement standard input is read')
    .requiredOption('--db <name>', 'database', process.env.MILLRACE_DB)
    .option('--measurement <name>', 'all points of a measurement instead of a query')
    .option('--rp <name>', 'its retention policy, where that is not the default one')
    .option('--from <time>', 'its points from this time on: RFC3339, or ns since 1970')
    .option('--to <time>', 'its points before this time')
    .addOption(new Option('--format <format>', 'of the file').choices(Object.keys(ACCEPT)).default('parquet'))
    .option('--output <path>', 'file to write, - = standard output', '-')
    .action(exportTo);
}

// private functions

async function exportTo(words: string[], flags: Flags): Promise<void> {
  if (flags.output === '-' && process.stdout.isTTY && (flags.format === 'parquet' || flags.format === 'arrow')) {
    throw new Error(`${flags.format} is not for a terminal: name a file with --output`);
  }
  const q = await queryOf(words, flags);
  await withClient(flags, async (client) => {
    const bytes = await client.stream(flags.db, q, ACCEPT[flags.format]);
    const progress = new Progress(`exporting as ${flags.format}`);
    const source = Readable.from(counted(bytes, progress), { objectMode: false });
    if (flags.output === '-') await pipeline(source, process.stdout, { end: false });
    else await toFile(source, flags.output);
    progress.end();
  });
}

async function queryOf(words: string[], flags: Flags): Promise<string> {
  const { measurement, rp, from, to } = flags;
  if (measurement === undefined) {
    if (rp ?? from ?? to) throw new Error('--rp, --from and --to go with --measurement: a query says so itself');
    return textOf(words, 'query');
  }
  if (words.length > 0) throw new Error('expected a query or --measurement, not both');
  const bounds = [from === undefined ? '' : `time >= ${time(from)}`, to === undefined ? '' : `time < ${time(to)}`];
  const where = bounds.filter((bound) => bound !== '').join(' AND ');
  const source = `${rp === undefined ? '' : `${quoteName(rp)}.`}${quoteName(measurement)}`;
  return `SELECT *::field FROM ${source}${where === '' ? '' : ` WHERE ${where}`} GROUP BY *`;
}

function time(text: string): string {
  return /^-?\d+$/.test(text) ? text : quoteText(text);
}

async function* counted(bytes: ReadableStream<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    progress.add(piece.length);
    yield piece;
  }
}

async function toFile(source: Readable, path: string): Promise<void> {
  try {
    await pipeline(source, createWriteStream(path));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}
