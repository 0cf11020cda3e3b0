#!/usr/bin/env node
/**
 * The command line: `npm run millrace -- COMMAND`. One file per command; this one puts them together and turns what they throw into
 * one line on stderr and an exit code: 0 done, 1 the server refused, 2 the command line was wrong, 3 the server cannot be reached.
 */
import { Command, CommanderError } from 'commander';
import { MillraceError } from '../sdk/index.ts';
import { backupCommand } from './backup.ts';
import { exportCommand } from './export.ts';
import { pingCommand } from './ping.ts';
import { queryCommand } from './query.ts';
import { restoreCommand } from './restore.ts';
import { tailCommand } from './tail.ts';
import { watchCommand } from './watch.ts';
import { writeCommand } from './write.ts';

const EXIT_REFUSED = 1;
const EXIT_USAGE = 2;
const EXIT_UNREACHABLE = 3;

// A reader that has enough (`millrace query … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : EXIT_REFUSED));

const program = new Command('millrace')
  .description('Write points, ask them, watch them.')
  .exitOverride()
  .addCommand(queryCommand())
  .addCommand(writeCommand())
  .addCommand(exportCommand())
  .addCommand(backupCommand())
  .addCommand(restoreCommand())
  .addCommand(tailCommand())
  .addCommand(watchCommand())
  .addCommand(pingCommand());
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = told(error);
}

// private functions

function told(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (!(error instanceof Error)) throw error;
  console.error(`millrace: ${error.message}`);
  return error instanceof MillraceError && error.code === 'unreachable' ? EXIT_UNREACHABLE : EXIT_REFUSED;
}
