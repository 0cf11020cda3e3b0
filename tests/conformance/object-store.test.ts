/** The suite over the adapters that need no network. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryObjects, MemoryObjects, NodeFiles } from '../../storage/index.ts';
import { objectStoreSuite } from './object-store.ts';

objectStoreSuite('memory', async () => ({
  open: async () => new MemoryObjects(),
  leaveUnfinished: async () => {},
  unfinished: async () => 0,
  clean: async () => {},
}));

objectStoreSuite('a directory', async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-objects-'));
  return {
    open: async () => new DirectoryObjects(new NodeFiles(), root),
    leaveUnfinished: (name) => writeFile(join(root, `${name.replaceAll('/', '+')}~`), 'half'),
    unfinished: async () => (await readdir(root)).filter((name) => name.endsWith('~')).length,
    clean: () => rm(root, { recursive: true }),
  };
});
