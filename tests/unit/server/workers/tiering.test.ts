/** Where queries are asked, V8 compiles what they run after some hundred calls, if it has not begun to count before: the V8 of this Node. */
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';

const TIERING = new URL('../../../../server/workers/tiering.ts', import.meta.url).href;
/** Of V8's `%GetOptimizationStatus`. */
const OPTIMISED = 16;
/** More than the counts of a server that is asked, fewer than V8's own. */
const CALLS = 1_000;

describe('tiering', () => {
  it('has code compiled sooner with the eighth query', () => {
    expect(isOptimised({ called: 0, queries: 7 })).to.equal(false);
    expect(isOptimised({ called: 0, queries: 8 })).to.equal(true);
  });

  it('comes soon enough for what every query calls once, and too late for what was called more often', () => {
    expect(isOptimised({ called: 7, queries: 8 })).to.equal(true);
    expect(isOptimised({ called: 20, queries: 8 })).to.equal(false);
  });
});

/** Whether V8 has compiled a function that was called so often before so many queries came, and then CALLS times. */
function isOptimised({ called, queries }: { readonly called: number; readonly queries: number }): boolean {
  const program = `
    import { Tiering } from '${TIERING}';
    function add(a, b) { return a.n + b.n; }
    const run = (times) => { for (let i = 0; i < times; i++) add({ n: i }, { n: 1 }); };
    run(${called});
    const tiering = new Tiering();
    for (let i = 0; i < ${queries}; i++) tiering.asked();
    run(${CALLS});
    console.log((%GetOptimizationStatus(add) & ${OPTIMISED}) !== 0);`;
  const flags = ['--allow-natives-syntax', '--no-concurrent-recompilation', '--no-use-osr', '--input-type=module'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--eval', program], { encoding: 'utf8' });
  if (!/^(true|false)\n$/.test(stdout)) throw new Error(`the program said ${stdout}${stderr}`);
  return stdout === 'true\n';
}
