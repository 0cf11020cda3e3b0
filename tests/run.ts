/**
 * Run by `npm test`: all tests, in two processes side by side, as half of them wait for servers and the other half calculates on one
 * thread. What the second says is printed behind the first, each with its own count of passing and failing ones. What failed of either
 * is told once more at the end, where somebody who is shown only the tail finds it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';

/** Folders of `tests/`: those that start servers, and those that do not, or seldom. */
const FOLDERS = ['acceptance,conformance,differential,faults', 'tidy,unit,golden,property'];

const children = FOLDERS.map((folders) =>
  spawn('mocha', [`tests/{${folders}}/**/*.test.ts`], { stdio: ['ignore', 'pipe', 'inherit'] }),
);
children[0].stdout.pipe(process.stdout, { end: false });
const [said, codes] = await Promise.all([
  Promise.all(children.map((child) => text(child.stdout))),
  Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number | null)),
]);
process.stdout.write(said[1]);
const failures = said
  .map((output) => (stripVTControlCharacters(output).split(/^ *\d+ failing$/m)[1] ?? '').trim())
  .filter(Boolean);
if (failures.length > 0) process.stdout.write(`failed:\n\n  ${failures.join('\n\n  ')}\n\n`);
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
