/**
 * The same points and the same statements to InfluxDB and to ours. `SEED=… STATEMENTS=… npx mocha tests/differential/*.test.ts` asks
 * others, or more; `KINDS=raw,show` only some; `LISTED=1` shows what differs as listed. What differs must be covered by a rule of
 * known-differences.ts.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Random } from '../support/random.ts';
import { CATALOGUE_EFFECTS } from './catalogue-effects.ts';
import { difference } from './compare.ts';
import { makeLines } from './data.ts';
import { DELETE_EFFECTS } from './delete-effects.ts';
import { EFFECTS } from './effects.ts';
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { type Answers, Pair } from './pair.ts';
import { type Asked, makeStatement } from './statements.ts';
import { REFUSED_WRITES } from './writes.ts';

/** Fixed, so that a change is judged by the same statements as the one before; other seeds are for looking further. */
const SEED = Number(process.env.SEED ?? 20240110);
const STATEMENTS = Number(process.env.STATEMENTS ?? 3_000);
const KINDS = (process.env.KINDS ?? '').split(',').filter((kind) => kind !== '');
const LISTED = process.env.LISTED === '1';
const TOGETHER = 4;
/** Of all statements: the same answer, or one that a rule covers. */
const SHARE_EXPLAINED = 0.995;
/** Of all statements: the same answer. Rules must stay exceptions. */
const SHARE_EQUAL = 0.995;

const LIST = new URL('../../docs/influxql-differences.md', import.meta.url);

describe(`beside InfluxDB (SEED=${SEED})`, function () {
  this.timeout(60_000 + STATEMENTS * 100);
  const random = new Random(SEED);
  let pair: Pair;

  before(async () => {
    pair = await Pair.start(['d', 'e', 'empty', 'w', 'x']);
    const { theirs, ours } = await pair.write(makeLines(random).join('\n'), { db: 'd' });
    expect([theirs, ours]).to.deep.equal(Array(2).fill({ status: 204, text: '' }));
    for (const db of ['e', 'x']) await pair.write(makeLines(new Random(1)).join('\n'), { db });
  });

  after(() => pair?.stop());

  it(`answers ${STATEMENTS} statements as InfluxDB does`, async () => {
    const asked = Array.from({ length: STATEMENTS }, () => makeStatement(random, KINDS));
    const covered = new Map<string, string[]>();
    const unexplained: string[] = [];
    let next = 0;
    const ask = async (): Promise<void> => {
      while (next < asked.length) {
        const statement = asked[next++];
        const { found, rule } = judge(statement, await pair.query(statement.q, statement.parameters));
        if (found === null) continue;
        if (rule === null) unexplained.push(`[${statement.kind}] ${statement.q}\n      ${found}`);
        else covered.set(rule, [...(covered.get(rule) ?? []), `${statement.q}\n            ${found}`]);
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, ask));
    const listed = [...covered.values()].reduce((sum, { length }) => sum + length, 0);
    const share = (count: number): string => `${((100 * count) / STATEMENTS).toFixed(2)} %`;
    const equal = STATEMENTS - listed - unexplained.length;
    console.log(`      equal ${share(equal)}, listed ${share(listed)}, unexplained ${share(unexplained.length)}`);
    for (const [rule, found] of covered) {
      console.log(`      ${String(found.length).padStart(5)} ${rule}`);
      if (LISTED) for (const line of found) console.log(`          ${line}`);
    }
    for (const line of unexplained) console.log(`      ${line}`);
    expect(1 - unexplained.length / STATEMENTS, 'share explained').to.be.at.least(SHARE_EXPLAINED);
    if (KINDS.length === 0) expect(equal / STATEMENTS, 'share equal').to.be.at.least(SHARE_EQUAL);
  });

  for (const { name, example, parameters, unstable } of KNOWN_DIFFERENCES) {
    if (unstable) continue;
    it(`still differs: ${name}`, async () => {
      const asked = { kind: 'example', q: example, parameters: parameters ?? {} };
      // In a database whose points no seed changes.
      expect(judge(asked, await pair.query(example, { ...asked.parameters, db: 'x' })).rule).to.equal(name);
    });
  }

  it('lists every difference for users', () => {
    const headings = [...readFileSync(LIST, 'utf8').matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).to.deep.equal(KNOWN_DIFFERENCES.map(({ name }) => name));
  });

  for (const { change, see } of [...EFFECTS, ...CATALOGUE_EFFECTS, ...DELETE_EFFECTS]) {
    it(`has the same effect: ${change}`, async () => {
      for (const q of [change, ...see]) {
        const { theirs, ours } = await pair.query(q, { db: 'e' });
        expect(difference(theirs.text, ours.text), q).to.equal(null);
        expect(ours.status, q).to.equal(theirs.status);
      }
    });
  }

  for (const [i, { what, body, parameters }] of REFUSED_WRITES.entries()) {
    it(`writes with ${what}: the same answer, the same points`, async () => {
      const name = `w${i}`;
      const written = await pair.write(body.replace(/^m/gm, name), { db: 'w', ...parameters });
      expect(withoutLineNumbers(written.ours.text)).to.equal(firstConflictOnly(written.theirs.text));
      expect(written.ours.status).to.equal(written.theirs.status);
      // A point without a time has the time of each server's own clock.
      const kept = await pair.query(`SELECT * FROM ${name} WHERE time < now() - 1h`, { db: 'w' });
      expect(kept.ours).to.deep.equal(kept.theirs);
    });
  }
});

// private functions

function judge(asked: Asked, { theirs, ours }: Answers): { found: string | null; rule: string | null } {
  const found =
    theirs.status === ours.status
      ? difference(theirs.text, ours.text, {
          cut: /limit|offset/i.test(asked.q) || 'chunked' in asked.parameters,
          series: /integral\(/i.test(asked.q),
        })
      : `status ${theirs.status} ${theirs.text.trim().slice(0, 200)} / ${ours.status} ${ours.text.trim().slice(0, 200)}`;
  if (found === null) return { found, rule: null };
  const rule = KNOWN_DIFFERENCES.find(({ covers }) => covers(asked, theirs.text, ours.text));
  return { found, rule: rule?.name ?? null };
}

/** Ours tells the lines that it refused. */
function withoutLineNumbers(text: string): string {
  return firstConflictOnly(text.replace(/line \d+: /g, ''));
}

/** Of several fields whose type was another, InfluxDB names the first; ours names all. */
function firstConflictOnly(text: string): string {
  return text.replace(/(field type conflict: .*?)(\\nfield type conflict: .*?)* dropped/, '$1 dropped');
}
