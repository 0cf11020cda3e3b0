/**
 * The lock of a directory: a file `lock` that holds its owner's pid. It is made whole by an exclusive link, so of several who ask one wins.
 * A lock whose owner is dead is never removed by those who find it, since one of them could remove its heir's: they ask for its
 * succession instead, a file `lock.after.<hash of the dead owner>`, again by an exclusive link. Who gets it, and still finds the dead
 * owner's lock in front of it, is the owner, and then makes `lock` its own in one rename. An heir may die on the way: it has heirs too.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, join } from 'node:path';
import { StorageError } from '../error.ts';
import type { DirectoryLock } from './files.ts';

/** How often the lock may change under us before we give up: each time another process has won. */
const ATTEMPTS_MAX = 10;

/** Where owners are named: `lock` first, then succession by succession; the last one's text, null where nobody ever held the lock. */
interface Line {
  readonly paths: readonly string[];
  readonly owner: string | null;
}

/** Throws StorageError `locked` where a living process holds the lock, and node's own errors. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'lock');
  const own = `${path}.${process.pid}.${process.hrtime.bigint()}`;
  await fs.promises.writeFile(own, ownerText(process.pid));
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const line = await lineOf(path);
      if (line.owner === null) {
        if (await linked(own, path)) return { release: () => released(path) };
        continue;
      }
      if (ownerLives(line.owner)) {
        const pid = line.owner.split(' ')[0];
        throw new StorageError('locked', `${basename(directory)} is in use by process ${pid} (${path})`);
      }
      const succession = successionOf(path, line.owner);
      if (!(await linked(own, succession))) continue;
      const now = await lineOf(path);
      if (now.paths.at(-1) === succession) {
        await fs.promises.rename(own, path);
        for (const old of now.paths.slice(1)) await fs.promises.rm(old, { force: true });
        return { release: () => released(path) };
      }
      await fs.promises.rm(succession, { force: true });
    }
    throw new StorageError('locked', `${path} changes hands all the time`);
  } finally {
    await fs.promises.rm(own, { force: true });
  }
}

// private functions

async function lineOf(path: string): Promise<Line> {
  const paths: string[] = [];
  let owner: string | null = null;
  for (let next = path; ; next = successionOf(path, owner)) {
    const text = await readOwner(next);
    if (text === null) return { paths, owner };
    paths.push(next);
    owner = text;
  }
}

function successionOf(path: string, owner: string): string {
  return `${path}.after.${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`;
}

/** The pid and, where the system tells, when that process began: a pid is used again, the pair is not. */
function ownerText(pid: number): string {
  return `${pid} ${startOf(pid)}\n`;
}

function startOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return '-';
  }
}

function ownerLives(owner: string): boolean {
  const [pid, start] = owner.trim().split(' ');
  if (!/^[1-9]\d*$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(Number(pid));
  return start === undefined || start === '-' || now === '-' || now === start;
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await fs.promises.link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<string | null> {
  try {
    return await fs.promises.readFile(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function released(path: string): Promise<void> {
  if ((await readOwner(path)) === ownerText(process.pid)) await fs.promises.rm(path, { force: true });
}
