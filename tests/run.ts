/**
 * Run by `npm test`: all tests, in two processes side by side, as half of them wait for servers and the other half calculates on one
 * thread. What the second says is printed behind the first, each with its own count of passing and failing ones.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** Folders of `tests/`: those that start servers, and those that do not, or seldom. */
const FOLDERS = ['acceptance,conformance,differential,faults', 'tidy,unit,golden,property'];

const [first, second] = FOLDERS.map((folders, i) =>
  spawn('mocha', [`tests/{${folders}}/**/*.test.ts`], { stdio: ['ignore', i === 0 ? 'inherit' : 'pipe', 'inherit'] }),
);
const said = text(second.stdout!);
const codes = (await Promise.all([first, second].map((child) => once(child, 'exit')))).map(([code]) => code);
process.stdout.write(await said);
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
