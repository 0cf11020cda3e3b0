/** `millrace backup` and `restore` as processes, for tests of what they save; and points of every kind to be saved. */
import { spawn } from 'node:child_process';
import { type Result, results } from './api.ts';
import type { Random } from './random.ts';
import type { TestServer } from './server.ts';

/** What a client can see of a database. */
const EVERYTHING = [
  'SELECT *::field FROM /.*/ GROUP BY *',
  'SHOW FIELD KEYS',
  'SHOW SERIES',
  'SHOW RETENTION POLICIES',
];

/** What a database answers; one statement after the other, so that one that fails says why. */
export async function everything(from: TestServer, db: string): Promise<readonly Result[]> {
  const answers: Result[] = [];
  for (const statement of EVERYTHING) answers.push(...(await results(from, db, statement)));
  return answers;
}

/** Of some databases, none = all; where it ends badly, throws what it said. */
export async function backup(
  from: TestServer,
  directory: string,
  databases: readonly string[],
  flags: readonly string[] = [],
): Promise<{ path: string; position: string }> {
  const named = databases.flatMap((db) => ['--db', db]);
  const { code, bytes, err } = await run(from, ['backup', directory, ...named, ...flags]);
  if (code !== 0) throw new Error(err);
  const [path, position] = bytes.toString().trim().split('\n');
  return { path, position: position.replace('position ', '') };
}

/** `from` null = no server is needed. */
export function run(
  from: TestServer | null,
  args: readonly string[],
  input?: Uint8Array,
): Promise<{ code: number | null; bytes: Buffer; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['client/cli/main.ts', ...args], {
      env: { ...process.env, MILLRACE_URL: from?.http ?? 'http://127.0.0.1:1' },
    });
    const out: Buffer[] = [];
    let err = '';
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => {
      err += data;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, bytes: Buffer.concat(out), err }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Points over some weeks and series, of every type, many of them written again. */
export function someLines(random: Random, n: number): string {
  return Array.from({ length: n }, () => {
    const fields = ['f', 'i', 'u', 'b', 's'].filter(() => random.next() < 0.5);
    const values = (fields.length === 0 ? ['f'] : fields).map((type) => `${type}=${valueText(type, random)}`);
    const tags = random.next() < 0.2 ? '' : `,host=h${random.between(0, 5)},x=\\ y${random.between(0, 2)}`;
    const week = random.between(-2, 3) * 604_800_000_000_000;
    return `m${random.between(0, 2)}${tags} ${values.join(',')} ${week + random.between(0, 40)}`;
  }).join('\n');
}

// private functions

function valueText(type: string, random: Random): string {
  switch (type) {
    case 'f':
      return String(random.between(-1000, 1000) / 8);
    case 'i':
      return `${random.pick(['9223372036854775807', '-9007199254740993', '7', '0'])}i`;
    case 'u':
      return `${random.pick(['18446744073709551615', '1', '0'])}u`;
    case 'b':
      return String(random.next() < 0.5);
    default:
      return random.pick(['"a"', '"ü \\" x"', '""', '"two\nlines"']);
  }
}
