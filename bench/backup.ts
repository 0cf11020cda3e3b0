/**
 * Backup and restore as a user has them: `millrace backup` to a file, which reads it once more, `millrace restore` into the running server
 * under another name; and the stream alone. Beside them `tar` of the same data directory into a file of the same disk. Values are floats
 * of 15 random digits, which take some 7 bytes each, so that bytes are what is measured.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from './devops-data.ts';
import { machineLine, table } from './report.ts';
import { bytesOf, cpuSeconds, flagValue, writeLines } from './requests.ts';
import { type BenchServer, startMillrace } from './servers.ts';

const LINES = 2_000_000;
const HOSTS = 400;
const FIELDS = 10;
const LINES_PER_BODY = 5_000;
const START = 1_767_225_600;
const FLAGS = ['--head-bytes', String(32 * 1024 * 1024), '--log-keep-bytes', '0', '--telemetry-ms', '0'];
const CLI = join(import.meta.dirname, '..', 'client', 'cli', 'main.ts');

/** Flags: `--lines N`. */
export async function runBackup(args: readonly string[]): Promise<string> {
  const lines = Number(flagValue(args, '--lines') ?? LINES);
  const values = lines * FIELDS;
  const out = mkdtempSync(join(tmpdir(), 'bench-backup-'));
  const server = await startMillrace(FLAGS);
  const rows = [['', 'MB', 's', 'MB/s', 'million values/s', 'CPU s of the server']];
  try {
    await fill(server.url, lines);
    const archive = `${server.url}/backup?db=bench`;
    // what is in memory is sealed by the first, which is not measured
    const bytes = await bytesOf(archive);
    const measured = async (what: string, moved: number, run: () => unknown): Promise<void> => {
      const cpu = cpuSeconds(server.pid);
      const began = performance.now();
      await run();
      const seconds = (performance.now() - began) / 1000;
      const [rate, each] = [moved / 1e6 / seconds, values / 1e6 / seconds];
      const spent = cpuSeconds(server.pid) - cpu;
      rows.push([what, megabytes(moved), seconds.toFixed(2), rate.toFixed(0), each.toFixed(1), spent.toFixed(1)]);
    };
    await measured('GET /backup, thrown away', bytes, () => bytesOf(archive));
    await measured('millrace backup, written and read back', bytes, () => millrace(server, ['backup', out]));
    const file = join(out, readdirSync(out)[0]);
    await measured('millrace restore --verify', bytes, () => millrace(server, ['restore', '--verify', file]));
    const restore = ['restore', file, '--db', 'bench', '--as', 'again'];
    await measured('millrace restore into the same server', bytes, () => millrace(server, restore));
    const copy = join(out, 'directory.tar');
    await measured('tar of the data directory', 0, () => tar(server.directory, copy));
    const moved = statSync(copy).size;
    const last = rows.at(-1)!;
    last[1] = megabytes(moved);
    last[3] = (moved / 1e6 / Number(last[2])).toFixed(0);
    last[4] = '';
  } finally {
    await server.stop();
    rmSync(out, { recursive: true, force: true });
  }
  const what = `${values.toLocaleString('en')} values of ${HOSTS} hosts`;
  return `backup and restore: ${what}\n${machineLine()}\n\n${table(rows)}\n\nThe directory holds the restored database too by then.\n`;
}

// private functions

async function fill(url: string, lines: number): Promise<void> {
  const random = seeded(11);
  await writeLines(url, lines, LINES_PER_BODY, (i) => {
    const fields = Array.from({ length: FIELDS }, (_, f) => `f${f}=${random().toFixed(15)}`).join(',');
    return `noise,host=h${i % HOSTS} ${fields} ${START + Math.floor(i / HOSTS)}`;
  });
}

function millrace({ url }: BenchServer, args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...args, '--url', url]);
  if (status !== 0) throw new Error(`millrace ${args[0]}: ${stderr}`);
}

/** As durable as ours. */
function tar(directory: string, path: string): void {
  const { status, stderr } = spawnSync('tar', ['-cf', path, '-C', directory, '.']);
  // 1: files changed meanwhile, as the server merges what was restored
  if (status !== 0 && status !== 1) throw new Error(`tar: ${stderr}`);
  execFileSync('sync', [path]);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
