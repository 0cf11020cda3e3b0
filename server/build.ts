/**
 * Bundles the server and its packages into two files, `dist/server/main.js` and the `worker.js` it starts, which is what `npm start` runs.
 * From its sources (`node server/main.ts`) it is the same server and starts in three times the processor time: every thread would find,
 * strip and compile some four hundred files anew. Run before each start, so that the bundle is never older than the sources; it takes
 * less than a second. Packages with a library of the machine's stay where they are installed. It does not type-check.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const NATIVE = ['uWebSockets.js', '@node-rs/crc32'];
/** For packages that are CommonJS inside. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

if (process.argv[1] === import.meta.filename) await buildServer();

/** Gives the path of the program. Throws what esbuild throws where a file cannot be read or parsed, and where `dist` cannot be written. */
export async function buildServer(): Promise<string> {
  const directory = join(ROOT, 'dist', 'server');
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { main: 'server/main.ts', worker: 'server/workers/worker.ts' },
    outdir: directory,
    bundle: true,
    external: NATIVE,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    banner: { js: REQUIRE },
    // what is not there need not be parsed; names stay, for stacks
    minifyWhitespace: true,
    minifySyntax: true,
    write: false,
    logLevel: 'silent',
  });
  await mkdir(directory, { recursive: true });
  for (const { path, contents } of outputFiles) {
    // in one step: a server that starts meanwhile reads the old file or the new one
    const draft = join(directory, `${basename(path)}.${process.pid}.draft`);
    await writeFile(draft, contents);
    await rename(draft, path);
  }
  return join(directory, 'main.js');
}
