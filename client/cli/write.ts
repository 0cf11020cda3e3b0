/**
 * `millrace write`: lines from the command line, a file or standard input, in requests of bounded size. Prints how many and where they
 * stand.
 */
import { createReadStream } from 'node:fs';
import { createGunzip, gzipSync } from 'node:zlib';
import { type Command, Option } from 'commander';
import type { Ack, Millrace, WritePrecision } from '../sdk/index.ts';
import { type ServerFlags, serverCommand, withClient } from './common.ts';

/** A request carries about so much: well below the server's limit, large enough that a round trip is cheap. */
const REQUEST_BYTES = 1024 * 1024;

interface Flags extends ServerFlags {
  readonly db: string;
  readonly precision: WritePrecision;
  readonly ack: Ack;
  readonly file?: string;
  readonly gzip: boolean;
}

export function writeCommand(): Command {
  return serverCommand('write', 'Write points in line protocol.')
    .argument('[lines...]', 'lines; without them standard input or --file is read')
    .requiredOption('--db <name>', 'database', process.env.MILLRACE_DB)
    .addOption(new Option('--precision <unit>', 'of times').choices(['ns', 'us', 'ms', 's', 'm', 'h']).default('ns'))
    .addOption(
      new Option('--ack <level>', 'when to answer').choices(['none', 'queued', 'disk', 'quorum']).default('disk'),
    )
    .option('--file <path>', 'read lines from a file; one that ends in .gz is decompressed')
    .option('--gzip', 'compress what is sent', false)
    .action(write);
}

// private functions

async function write(words: string[], flags: Flags): Promise<void> {
  await withClient(flags, async (client) => {
    const sent = { lines: 0, position: '' };
    for await (const lines of requestsOf(words, flags)) await send(client, lines, flags, sent);
    if (sent.lines === 0) throw new Error('no lines given: expected line protocol such as "cpu,host=a busy=0.5"');
    console.log(
      `${sent.lines} ${sent.lines === 1 ? 'line' : 'lines'} written${sent.position === '' ? '' : `, position ${sent.position}`}`,
    );
  });
}

async function send(
  client: Millrace,
  lines: string,
  flags: Flags,
  sent: { lines: number; position: string },
): Promise<void> {
  const body = flags.gzip ? gzipSync(lines) : lines;
  sent.position = await client.write(flags.db, body, { precision: flags.precision, ack: flags.ack });
  sent.lines += lines.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')).length;
}

/** Texts of whole lines. */
async function* requestsOf(words: readonly string[], flags: Flags): AsyncGenerator<string> {
  if (words.length > 0) {
    yield words.join('\n');
    return;
  }
  if (flags.file === undefined && process.stdin.isTTY) return;
  let text = '';
  for await (const piece of textPieces(flags.file)) {
    text += piece;
    const end = text.lastIndexOf('\n');
    if (text.length < REQUEST_BYTES || end < 0) continue;
    yield text.slice(0, end);
    text = text.slice(end + 1);
  }
  if (text.trim() !== '') yield text;
}

async function* textPieces(file: string | undefined): AsyncGenerator<string> {
  const input = file === undefined ? process.stdin : createReadStream(file);
  const bytes = file?.endsWith('.gz') ? input.pipe(createGunzip()) : input;
  const decoder = new TextDecoder();
  for await (const chunk of bytes) yield decoder.decode(chunk as Uint8Array, { stream: true });
}
