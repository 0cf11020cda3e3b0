/**
 * Golden scripts of plans: `tests/golden/plan/*.txt`. A script is `data` lines, then `> query` lines, each followed by what EXPLAIN says
 * of it: what is computed, over what, and which rules spare the scan something. `GOLDEN=write` writes the plans anew.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { explainPlan, mergeSchemas, parse, planSelect } from '../../query/index.ts';
import { ArraySource, rowsOf } from '../unit/query/support/array-source.ts';
import { NOW } from '../unit/query/support/ask.ts';

const FOLDER = new URL('./plan/', import.meta.url);
const SHARDS = 2;

describe('golden: plans', () => {
  for (const name of readdirSync(FOLDER)) {
    it(name, () => {
      const file = new URL(name, FOLDER);
      const text = readFileSync(file, 'utf8');
      const planned = run(text);
      if (process.env.GOLDEN === 'write') writeFileSync(file, planned);
      else expect(planned).to.equal(text);
    });
  }
});

// private functions

function run(text: string): string {
  const [data, ...queries] = text.split(/^> /m);
  const source = new ArraySource(rowsOf(data));
  let out = data;
  for (const query of queries) {
    const statement = query.split('\n')[0];
    const [select] = parse(statement);
    if (select.kind !== 'select') throw new Error(`not a SELECT: ${statement}`);
    const plan = planSelect(select, {
      database: 'db',
      defaultRetentionPolicy: 'autogen',
      now: NOW,
      schemas: (...wanted) => mergeSchemas([source.describe(...wanted)]),
    });
    out += `> ${statement}\n${explainPlan(plan, SHARDS).join('\n')}\n\n`;
  }
  return `${out.trimEnd()}\n`;
}
