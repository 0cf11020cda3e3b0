/** `millrace tail`: a live query as lines (or JSON, one event a line), for people and pipes. Goes on until it is interrupted. */
import { type Command, Option } from 'commander';
import type { LiveEvent, Mode } from '../sdk/index.ts';
import { type ServerFlags, serverCommand, textOf, withClient } from './common.ts';
import { rowLine } from './format.ts';

export interface LiveFlags extends ServerFlags {
  readonly db: string;
  readonly format: 'lines' | 'json';
  readonly mode: Mode;
  readonly since?: string;
  readonly snapshot: boolean;
}

export function tailCommand(): Command {
  return serverCommand('tail', 'Print the rows of a live query as they come.')
    .argument('[query...]', 'the query; without it standard input is read')
    .requiredOption('--db <name>', 'database', process.env.MILLRACE_DB)
    .addOption(new Option('--format <format>', 'of the rows').choices(['lines', 'json']).default('lines'))
    .addOption(
      new Option('--mode <mode>', 'all rows, or the newest when we are slow')
        .choices(['every', 'latest'])
        .default('every'),
    )
    .option('--since <cursor>', 'go on behind this cursor')
    .option('--no-snapshot', 'only what comes from now on')
    .action(tail);
}

/** Prints one event; what is not a row goes to stderr, so that a pipe has rows only. */
export function printEvent(event: LiveEvent, format: LiveFlags['format']): void {
  if (format === 'json') {
    if (event.op !== 'progress') console.log(JSON.stringify(event));
  } else if (event.op === 'rows') {
    for (const { name, tags = {}, columns, values } of event.series) {
      for (const row of values) console.log(rowLine(name, tags, columns, row) + standing(event));
    }
  } else if (event.op === 'delete') {
    const all = event.from === undefined ? [] : [`all from ${event.from} on, but for what follows`];
    console.error(`withdrawn: ${[...event.series, ...all].join(' ')}`);
  } else if (event.op === 'gap') console.error(`gap from ${event.from} to ${event.to}: ${event.reason}`);
  else if (event.op === 'reset') console.error(`starting anew: ${event.reason}`);
}

// private functions

/** What a reader must know of a row besides its values: its window is still open, or it corrects one that was said before. */
function standing({ final, rev }: Extract<LiveEvent, { op: 'rows' }>): string {
  if (!final) return ' (open)';
  return rev > 0 ? ` (revision ${rev})` : '';
}

async function tail(words: string[], flags: LiveFlags): Promise<void> {
  const q = await textOf(words, 'query');
  await withClient(flags, async (client) => {
    // A live query waits for a server that is away; a person at a prompt wants to know that it is.
    await client.ping();
    client.onState((state) => state === 'reconnecting' && console.error('connection lost, trying again'));
    const { mode, since, snapshot } = flags;
    for await (const event of client.subscribe(flags.db, q, { mode, since, snapshot })) printEvent(event, flags.format);
  });
}
