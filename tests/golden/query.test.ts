/**
 * Golden scripts of queries: `tests/golden/query/*.txt`, verified against a real InfluxDB 1.6.7. A script is `data` lines, then
 * `> query` lines, each followed by the answer as JSON lines (one per series) or `error …`. The examples of `docs/query-language.md`
 * are such scripts too, over the one block of data there. `GOLDEN=write` writes the answers anew. Every script is run over plain
 * arrays and over storage in each of its states: the answers are the same.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type PinnableSource, QueryError } from '../../query/index.ts';
import { closeStores, STORE_STATES, type StoreState, storeOf } from '../support/store-states.ts';
import { ArraySource, rowsOf } from '../unit/query/support/array-source.ts';
import { ask } from '../unit/query/support/ask.ts';

const FOLDER = new URL('./query/', import.meta.url);
const MANUAL = new URL('../../docs/query-language.md', import.meta.url);

describe('golden: queries', () => {
  afterEach(closeStores);

  for (const name of readdirSync(FOLDER)) {
    it(name, async () => {
      const file = new URL(name, FOLDER);
      const text = readFileSync(file, 'utf8');
      const answered = await run(text);
      if (process.env.GOLDEN === 'write') writeFileSync(file, answered);
      else expect(answered).to.equal(text);
    });

    for (const state of STORE_STATES) {
      it(`${name}, ${state}`, async () => {
        const text = readFileSync(new URL(name, FOLDER), 'utf8');
        expect(await run(text, state)).to.equal(text);
      });
    }
  }

  it('docs/query-language.md', async () => {
    const text = readFileSync(MANUAL, 'utf8');
    const data = `${/```lines\n([^`]*)```/.exec(text)![1]}\n`;
    const parts = text.split(/(?<=```influxql\n)([^`]*)(?=```)/);
    for (let i = 1; i < parts.length; i += 2) parts[i] = (await run(data + parts[i])).slice(data.length);
    expect(parts.length).to.be.above(2);
    if (process.env.GOLDEN === 'write') writeFileSync(MANUAL, parts.join(''));
    else expect(parts.join('')).to.equal(text);
  });
});

// private functions

async function run(text: string, state: StoreState | null = null): Promise<string> {
  const [data, ...queries] = text.split(/^> /m);
  const parts = [0, 1].map((s) => rowsOf(data).filter(({ tags }) => String(tags).length % 2 === s));
  const shards: PinnableSource[] =
    state === null
      ? parts.map((rows) => new ArraySource(rows))
      : await Promise.all(parts.map((rows) => storeOf(rows, state)));
  let out = data;
  for (const query of queries) {
    const statement = query.split('\n')[0];
    out += `> ${statement}\n`;
    try {
      for (const series of await ask(statement, shards)) out += `${JSON.stringify(series, plain)}\n`;
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      out += `error ${error.message}\n`;
    }
    out += '\n';
  }
  return `${out.trimEnd()}\n`;
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
