/** The house rules that a machine can check: headers, public before private, names, lengths, no default exports. */
import { dirname } from 'node:path';
import { expect } from 'chai';
import { type SourceFile, sourceFiles } from './support.ts';

const FOLDERS = ['model', 'query', 'storage', 'server', 'client'];
const MARKER = '// private functions';
/** A file longer than this must say in its header why (the word "long" or "longer" is looked for). */
const LINES_PLEASANT = 300;
const LINES_MAX = 600;
/** A folder of more files has become several rooms. */
const FILES_MAX = 40;

const files = sourceFiles(FOLDERS);

describe('house rules', () => {
  it('finds the sources', () => {
    expect(files.length).to.be.greaterThan(20);
  });
  it('finds no folder with more files than one room has', () => {
    const counts = new Map<string, number>();
    for (const { path } of files) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > FILES_MAX)).to.deep.equal([]);
  });
  for (const file of files) {
    it(file.path, () => {
      expect(violations(file)).to.deep.equal([]);
    });
  }
});

function violations(file: SourceFile): string[] {
  const lines = file.text.split('\n');
  const found: string[] = [];
  const name = file.path.split('/').at(-1)!;
  if (!/^[a-z0-9]+([.-][a-z0-9]+)*\.tsx?$/.test(name)) found.push('file name is not kebab-case');
  const header = /^(#!.*\n)?\s*(\/\*\*[\s\S]*?\*\/)/.exec(file.text)?.[2];
  if (header === undefined) found.push('no header comment');
  if (lines.length > LINES_MAX) found.push(`${lines.length} lines: no file is longer than ${LINES_MAX}`);
  if (lines.length > LINES_PLEASANT && !/\blong(er)?\b/i.test(header ?? '')) {
    found.push(`${lines.length} lines, and the header does not say why it is long`);
  }
  if (/^export default/m.test(file.text)) found.push('default export');
  for (const match of file.text.matchAll(
    /^(?:export )?(?:const|let) (\w+)[^=\n]*= (?:async )?(?:\([^)]*\)|\w+)(?:: [^=]+)? =>/gm,
  )) {
    found.push(`top-level function "${match[1]}" is not a declaration`);
  }
  return [...found, ...orderViolations(lines)];
}

function orderViolations(lines: string[]): string[] {
  const found: string[] = [];
  const marker = lines.indexOf(MARKER);
  lines.forEach((line, i) => {
    const declared = /^(export )?(?:async )?function\*? (\w+)/.exec(line);
    if (declared === null) return;
    const exported = declared[1] !== undefined;
    if (exported && marker !== -1 && i > marker)
      found.push(`line ${i + 1}: exported "${declared[2]}" below "${MARKER}"`);
    if (!exported && (marker === -1 || i < marker))
      found.push(`line ${i + 1}: private "${declared[2]}" above "${MARKER}"`);
  });
  if (marker !== -1 && !lines.slice(marker).some((l) => /^(?:async )?function|^type |^interface |^const /.test(l))) {
    found.push(`"${MARKER}" with nothing below it`);
  }
  return found;
}
