/** The import law (docs/ARCHITECTURE.md): who may import whom, vendors in their adapters, no cycles, no orphans. */
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';
import { importsOf, type SourceFile, sourceFiles } from './support.ts';

const FOLDERS = ['model', 'query', 'storage', 'server', 'client'];

/** Top folder → what it may import from other top folders. */
const MAY_IMPORT: Record<string, string[]> = {
  model: [],
  query: ['model'],
  storage: ['model'],
  client: [],
  server: ['model', 'query', 'storage', 'client/protocol'],
};

/** Vendor → the only files that may import it. */
const VENDOR_HOMES: Record<string, RegExp> = {
  '@nats-io/': /^server\/(pubsub|cluster)\/nats/,
  aws4fetch: /^server\/tiers\/s3/,
  ioredis: /^server\/views\/redis/,
  'uWebSockets.js': /^server\/sessions\/door\/door-uws/,
  ws: /^server\/sessions\/door\/door-node/,
  '@node-rs/crc32': /^storage\/files\//,
  'ohm-js': /^query\/language\//,
  re2js: /^query\/language\/regex\.ts$/,
  commander: /^client\/cli\//,
  preact: /^client\/console\//,
  '@preact/signals': /^client\/console\//,
  uplot: /^client\/console\//,
  'apache-arrow': /^server\/queries\/answers\/arrow\.ts$/,
  'hyparquet-writer': /^server\/queries\/answers\/parquet\.ts$/,
  esbuild: /^(client|server)\/build\.ts$/,
};

/** Files that are started, not imported. */
const ENTRIES =
  /^(server\/main\.ts|server\/workers\/worker\.ts|client\/cli\/main\.ts|(client|server)\/build\.ts|client\/console\/app\.tsx)$/;

const files = sourceFiles(FOLDERS);

describe('import law', () => {
  for (const file of files) {
    it(`${file.path} imports only what it may`, () => {
      expect(importsOf(file.text).flatMap((target) => breaches(file, target))).to.deep.equal([]);
    });
  }

  it('has no cycles', () => {
    const graph = new Map(files.map((f) => [f.path, localImports(f)]));
    const cycles: string[] = [];
    const state = new Map<string, 'open' | 'done'>();
    const visit = (path: string, trail: string[]): void => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
        return;
      }
      state.set(path, 'open');
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      state.set(path, 'done');
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).to.deep.equal([]);
  });

  it('has no orphans', () => {
    const imported = new Set(files.flatMap(localImports));
    const outside = sourceFiles(['tests', 'bench']).flatMap(localImports);
    for (const path of outside) if (/\/index\.tsx?$/.test(path)) imported.add(path);
    const orphans = files.filter((f) => !imported.has(f.path) && !ENTRIES.test(f.path)).map((f) => f.path);
    expect(orphans).to.deep.equal([]);
  });
});

function breaches(file: SourceFile, target: string): string[] {
  if (target.startsWith('node:')) {
    if (/^(model|query)\//.test(file.path)) return [`${target}: ${file.path.split('/')[0]}/ knows no Node`];
    if (/^storage\//.test(file.path) && !file.path.startsWith('storage/files/'))
      return [`${target}: only storage/files touches Node`];
    return [];
  }
  if (!target.startsWith('.')) {
    for (const [vendor, home] of Object.entries(VENDOR_HOMES)) {
      const same = vendor.endsWith('/')
        ? target.startsWith(vendor)
        : target === vendor || target.startsWith(`${vendor}/`);
      if (same) return home.test(file.path) ? [] : [`${target}: belongs to its adapter ${home}`];
    }
    return [`${target}: a dependency without a home; give it one in VENDOR_HOMES and a reason in docs/adr`];
  }
  const path = resolve(file, target);
  const [from] = file.path.split('/');
  const [to] = path.split('/');
  if (from === to) return enters(file.path, path) ? [] : [`${target}: enter a folder by its index.ts`];
  const allowed = MAY_IMPORT[from].some((folder) => path.startsWith(`${folder}/`));
  if (!allowed) return [`${target}: ${from}/ may not import ${to}/`];
  return /\/index\.ts$/.test(path) ? [] : [`${target}: enter ${to}/ by its index.ts`];
}

/** Within one top folder: stages of server/ are entered by their door; inside query/, storage/ and client/ too, where there is one. */
function enters(from: string, to: string): boolean {
  const [top, a, ...restA] = from.split('/');
  const [, b, ...restB] = to.split('/');
  if (top !== 'server' || restB.length === 0 || (restA.length > 0 && a === b)) return true;
  return restB.at(-1) === 'index.ts';
}

function localImports(file: SourceFile): string[] {
  return importsOf(file.text)
    .filter((t) => t.startsWith('.'))
    .map((t) => resolve(file, t));
}

function resolve(file: SourceFile, target: string): string {
  return normalize(join(dirname(file.path), target));
}
