/**
 * Bundles what browsers load: the console (`dist/console/`) and the SDK (`dist/sdk/millrace.js`, ESM). Run by `npm run build` and,
 * after an install, by npm's `prepare`. The server itself needs no build. Quick and quiet; as `prepare` it never fails an install:
 * it says in one line why there is no console, and everything else works without. It does not watch and does not type-check.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What both bundles share. Browsers of the last three years; one file each, so that nothing is fetched from elsewhere. */
const BROWSER: BuildOptions = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  absWorkingDir: ROOT,
  write: false,
  logLevel: 'silent',
  legalComments: 'none',
};

try {
  await buildAll(join(ROOT, 'dist'));
} catch (error) {
  const optional = process.env.npm_lifecycle_event === 'prepare';
  console.error(`the console was not built: ${error instanceof Error ? error.message : String(error)}`);
  if (!optional) process.exitCode = 1;
}

// private functions

async function buildAll(dist: string): Promise<void> {
  const { build } = await import('esbuild');
  const [app, style, sdk] = await Promise.all([
    build({
      ...BROWSER,
      entryPoints: ['client/console/app.tsx'],
      jsx: 'automatic',
      jsxImportSource: 'preact',
      define: { 'process.env.NODE_ENV': '"production"' },
    }),
    build({ ...BROWSER, entryPoints: ['client/console/app.css'] }),
    build({ ...BROWSER, entryPoints: ['client/sdk/index.ts'] }),
  ]);
  const script = app.outputFiles![0].contents;
  const css = style.outputFiles![0].contents;
  const scriptName = `app-${hashOf(script)}.js`;
  const page = (await readFile(join(ROOT, 'client/console/index.html'), 'utf8'))
    .replace('app.js', scriptName)
    .replace('app.css', `app.css?v=${hashOf(css)}`);
  await mkdir(join(dist, 'console'), { recursive: true });
  await mkdir(join(dist, 'sdk'), { recursive: true });
  await put(join(dist, 'console', scriptName), script);
  await put(join(dist, 'console', 'app.css'), css);
  await put(join(dist, 'sdk', 'millrace.js'), sdk.outputFiles![0].contents);
  await put(join(dist, 'console', 'index.html'), page);
  await removeStale(join(dist, 'console'), scriptName);
}

/** Replaces a file in one step: a server that is reading it sees the old one or the new one, never half. */
async function put(path: string, contents: Uint8Array | string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  await writeFile(draft, contents);
  await rename(draft, path);
}

async function removeStale(folder: string, current: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^app-[0-9A-Fa-f]+\.js$/.test(name) && name !== current) await rm(join(folder, name), { force: true });
  }
}

function hashOf(contents: Uint8Array): string {
  return createHash('sha256').update(contents).digest('hex').slice(0, 8).toUpperCase();
}
