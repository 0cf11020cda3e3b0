/** What the commands share: the flags that say which server, names in queries, and reading standard input. */
import { Command } from 'commander';
import { Millrace } from '../sdk/index.ts';

const URL_DEFAULT = 'http://127.0.0.1:8086';

export interface ServerFlags {
  readonly url: string;
  readonly token?: string;
}

/** A command with `--url` and `--token`. */
export function serverCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--url <url>', 'address of the server (MILLRACE_URL)', process.env.MILLRACE_URL ?? URL_DEFAULT)
    .option('--token <token>', 'access token (MILLRACE_TOKEN)', process.env.MILLRACE_TOKEN);
}

/** Of a flag that may be there several times. */
export function repeated(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Runs with a client and closes it, whatever happens; Ctrl+C ends it the same way. */
export async function withClient(flags: ServerFlags, run: (client: Millrace) => Promise<void>): Promise<void> {
  const client = new Millrace({ url: flags.url, token: flags.token });
  function interrupt(): void {
    client.close();
  }
  process.once('SIGINT', interrupt);
  try {
    await run(client);
  } finally {
    process.off('SIGINT', interrupt);
    client.close();
  }
}

/** The words of the command line as one text; without any, standard input. */
export async function textOf(words: readonly string[], what: string): Promise<string> {
  if (words.length > 0) return words.join(' ');
  if (process.stdin.isTTY) throw new Error(`no ${what} given: write it behind the command, or pipe it in`);
  const text = (await readStdin()).toString().trim();
  if (text === '') throw new Error(`no ${what} given: standard input is empty`);
  return text;
}

export async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
