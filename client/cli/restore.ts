/**
 * `millrace restore`: archives of `millrace backup` into a running server, under their databases' names or another one; or, with
 * --verify, a check of every checksum without a server. A chain is given in its order: the full one, then those that came after it.
 * Points become ordinary writes, so it can be done beside other work and, where it was cut short, again.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { BackupManifest, BackupReplaced } from '../protocol/index.ts';
import { type Millrace, quoteName } from '../sdk/index.ts';
import { readArchive } from './archive.ts';
import { repeated, type ServerFlags, serverCommand, withClient } from './common.ts';
import { Progress } from './progress.ts';

/** What does something by itself comes last, when the points are there; under another name its texts would mean the old one. */
const ACTIVE_KINDS: ReadonlySet<string> = new Set(['continuous query', 'alert']);

/** The server's own numbers. */
const INTERNAL = '_internal';

interface Flags extends ServerFlags {
  readonly db: readonly string[];
  readonly as?: string;
  readonly users: boolean;
  readonly verify: boolean;
}

export function restoreCommand(): Command {
  return serverCommand('restore', 'Write the databases of a backup to a server, or check a backup.')
    .argument('<archives...>', 'files, the oldest first; - = standard input')
    .option('--db <name>', 'only this database; may be there several times', repeated, [])
    .option('--as <name>', 'under this name: of one database')
    .option('--users', 'the users too', false)
    .option('--verify', 'only check the archives; needs no server', false)
    .action(restore);
}

// private functions

async function restore(archives: string[], flags: Flags): Promise<void> {
  const manifests: BackupManifest[] = [];
  for (const archive of archives) {
    if (archive === '-' && !flags.verify) continue;
    const manifest = await verify(archive);
    const before = manifests.at(-1);
    if (before !== undefined && manifest.since !== before.position) {
      throw new Error(`${archive} does not follow the archive before it: it holds what came after another position`);
    }
    manifests.push(manifest);
  }
  if (flags.verify) return;
  if (!archives.includes('-')) assertTold(manifests, flags);
  if (archives.includes('-') && archives.length > 1) throw new Error('standard input is one archive: give it alone');
  await withClient(flags, async (client) => {
    for (const archive of archives) await restoreOne(client, archive, flags);
  });
}

async function verify(archive: string): Promise<BackupManifest> {
  const progress = new Progress('verifying', archive === '-' ? null : (await stat(archive)).size);
  const manifest = await readArchive(opened(archive), { passed: (bytes) => progress.add(bytes) }).catch((error) => {
    throw new Error(`${archive}: ${(error as Error).message}`);
  });
  progress.end(`${manifest.files.length} files are intact`);
  return manifest;
}

async function restoreOne(client: Millrace, archive: string, flags: Flags): Promise<void> {
  const progress = new Progress('restoring', archive === '-' ? null : (await stat(archive)).size);
  let wanted: readonly string[] = [];
  let rows = 0;
  const nameOf = (database: string): string => flags.as ?? database;
  const manifest = await readArchive(opened(archive), {
    passed: (bytes) => progress.add(bytes),
    manifest: async (found) => {
      if (archive === '-') assertTold([found], flags);
      wanted = wantedOf(found, flags);
      const replaced = (found.replaced ?? []).filter(({ database }) => isMeant(database, wanted, flags));
      for (const { database, measurement } of replaced) {
        if (measurement === null) await done(client, '', `DROP DATABASE ${quoteName(nameOf(database))}`);
      }
      for (const database of wanted) {
        await client.restoreDocuments(nameOf(database), documentsOf(found, database, false));
      }
      if (flags.users) await client.restoreDocuments('', documentsOf(found, '', false));
      for (const gone of replaced) {
        if (gone.measurement !== null)
          await done(client, nameOf(gone.database), forgettingText(gone.measurement, gone));
      }
    },
    wanted: ({ database }) => wanted.includes(database),
    file: async (file, bytes) => {
      rows += await client.restoreBucket(nameOf(file.database), file, bytes);
    },
  });
  for (const database of flags.as === undefined ? wanted : []) {
    await client.restoreDocuments(database, documentsOf(manifest, database, true));
  }
  progress.end(`${rows} rows into ${wanted.map(nameOf).join(', ')}`);
}

async function done(client: Millrace, database: string, statement: string): Promise<void> {
  for (const { error } of await client.query(database, statement)) {
    if (error !== undefined) throw new Error(`${statement}: ${error}`);
  }
}

/** What was deleted behind the archive before: what is still there of it comes again with this one. */
function forgettingText(measurement: string, { condition, minTime, maxTime }: BackupReplaced): string {
  const name = quoteName(measurement);
  const parts: string[] = [];
  if (condition) parts.push(`(${condition})`);
  if (minTime !== null) parts.push(`time >= ${minTime}`);
  if (maxTime !== null) parts.push(`time <= ${maxTime}`);
  return parts.length === 0 ? `DROP MEASUREMENT ${name}` : `DELETE FROM ${name} WHERE ${parts.join(' AND ')}`;
}

/** Whoever is named is in one of the archives of a chain at least, as one that is there or has gone. */
function assertTold(manifests: readonly BackupManifest[], { db }: Flags): void {
  const told = new Set(
    manifests.flatMap(({ databases, replaced = [] }) => [...databases, ...replaced.map(({ database }) => database)]),
  );
  const missing = db.find((name) => !told.has(name));
  if (missing === undefined) return;
  const name = manifests.length === 1 ? 'the archive does' : 'the archives do';
  throw new Error(`${name} not have "${missing}", only ${[...told].sort().join(', ')}`);
}

/** Of those that the archive has; one that is named may be gone. */
function wantedOf({ databases }: BackupManifest, { db, as }: Flags): readonly string[] {
  // of the server's own numbers a running server has newer ones
  const asked = db.length > 0 ? db : databases.filter((name) => name !== INTERNAL);
  if (as !== undefined && asked.length !== 1) {
    throw new Error(`--as is for one database: name it with --db, the archive has ${databases.join(', ')}`);
  }
  return asked.filter((name) => databases.includes(name));
}

/** Whether what went from a database goes here. */
function isMeant(database: string, wanted: readonly string[], { db, as }: Flags): boolean {
  if (db.length > 0) return db.includes(database);
  return as === undefined ? database !== INTERNAL : wanted.includes(database);
}

function documentsOf({ documents }: BackupManifest, of: string, active: boolean): BackupManifest['documents'] {
  return documents.filter(({ database, kind }) => database === of && ACTIVE_KINDS.has(kind) === active);
}

function opened(archive: string): AsyncIterable<Uint8Array> {
  return archive === '-' ? process.stdin : createReadStream(archive, { highWaterMark: 1024 * 1024 });
}
