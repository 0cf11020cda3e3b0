/** `millrace ping`: is the server there, which version, how far away. */
import type { Command } from 'commander';
import { type ServerFlags, serverCommand, withClient } from './common.ts';

export function pingCommand(): Command {
  return serverCommand('ping', 'Ask whether the server is there.').action(ping);
}

// private functions

function ping(flags: ServerFlags): Promise<void> {
  return withClient(flags, async (client) => {
    const began = performance.now();
    const version = await client.ping();
    console.log(`${flags.url} answers: ${version}, ${(performance.now() - began).toFixed(1)} ms`);
  });
}
