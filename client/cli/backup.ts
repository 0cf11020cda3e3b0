/**
 * `millrace backup`: the state of the server, or what came after an earlier backup, as an archive into a directory or to standard
 * output. What passes is checked on its way; what was written to a file is read once more from there before it gets its name.
 */

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import type { BackupManifest } from '../protocol/index.ts';
import type { Millrace } from '../sdk/index.ts';
import { readArchive, readManifest } from './archive.ts';
import { repeated, type ServerFlags, serverCommand, withClient } from './common.ts';
import { Progress } from './progress.ts';

interface Flags extends ServerFlags {
  readonly since?: string;
  readonly db: readonly string[];
}

export function backupCommand(): Command {
  return serverCommand('backup', 'Save the databases of a server while it runs.')
    .argument('<directory>', 'where the archive is put, - = standard output')
    .option('--since <archive>', 'only what came after this backup: its file, or the position it named')
    .option('--db <name>', 'only this database; may be there several times', repeated, [])
    .action(backup);
}

// private functions

async function backup(directory: string, flags: Flags): Promise<void> {
  if (directory === '-' && process.stdout.isTTY) throw new Error('an archive is not for a terminal: name a directory');
  const since = await sinceOf(flags);
  await withClient(flags, async (client) => {
    if (directory === '-') {
      const manifest = await receive(client, since, flags.db, process.stdout);
      console.error(`position ${manifest.position}`);
      return;
    }
    await mkdir(directory, { recursive: true });
    const part = join(directory, `.millrace-${process.pid}.part`);
    try {
      const manifest = await toFile(client, since, flags.db, part);
      const path = join(directory, nameOf(manifest));
      await rename(part, path);
      console.log(`${path}\nposition ${manifest.position}`);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  });
}

/** A position token, of the archive where a file is named; '' = everything. */
async function sinceOf({ since, db }: Flags): Promise<string> {
  if (since === undefined) return '';
  if (/^[A-Za-z0-9_-]+$/.test(since)) return since;
  const before = await readManifest(createReadStream(since));
  const missing = before.complete ? undefined : db.find((name) => !before.databases.includes(name));
  if (missing !== undefined) throw new Error(`${since} does not have "${missing}": a full backup of it is needed`);
  if (!before.complete && db.length === 0) {
    throw new Error(`${since} has only ${before.databases.join(', ')}: name them with --db, or make a full backup`);
  }
  return before.position;
}

async function toFile(
  client: Millrace,
  since: string,
  databases: readonly string[],
  path: string,
): Promise<BackupManifest> {
  const file = createWriteStream(path);
  await once(file, 'open');
  const manifest = await receive(client, since, databases, file);
  file.end();
  await once(file, 'close');
  await synced(path);
  const progress = new Progress('verifying');
  const written = await readArchive(createReadStream(path), { passed: (bytes) => progress.add(bytes) });
  if (written.position !== manifest.position) throw new Error(`${path} is not what was written to it`);
  progress.end();
  return manifest;
}

/** Writes what comes and checks it. */
async function receive(
  client: Millrace,
  since: string,
  databases: readonly string[],
  target: Writable,
): Promise<BackupManifest> {
  const progress = new Progress('backup');
  const manifest = await readArchive(through(await client.backup({ since, databases }), target), {
    manifest: ({ files }) => {
      progress.total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    },
    passed: (bytes) => progress.add(bytes),
  });
  const rows = manifest.files.reduce((sum, file) => sum + file.rows, 0);
  progress.end(`${rows} rows of ${manifest.databases.length} databases`);
  return manifest;
}

async function* through(source: AsyncIterable<Uint8Array>, target: Writable): AsyncGenerator<Uint8Array> {
  let failed: Error | null = null;
  const fail = (error: Error): void => {
    failed = error;
  };
  target.on('error', fail);
  try {
    for await (const piece of source) {
      if (failed !== null) throw failed;
      if (!target.write(piece)) await once(target, 'drain');
      yield piece;
    }
  } catch (error) {
    if (error === failed) throw error;
    throw new Error('the server has broken the archive off: its log says why', { cause: error });
  } finally {
    target.off('error', fail);
  }
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.sync();
  await file.close();
}

/** Sorted by time: archives of a chain stand in their order. */
function nameOf({ made, since }: BackupManifest): string {
  const time = made.replace(/[-:]/g, '').replace('.', '-').replace('Z', '');
  return `millrace-${time}-${since === null ? 'full' : 'since'}.tar`;
}
