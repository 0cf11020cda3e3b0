/** fingerprint(): what becomes of texts, and that no text takes long or grows. */
import { expect } from 'chai';
import { fingerprint } from '../../../../query/functions/fingerprint.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const SEED = seedOfRun();

const CASES: readonly (readonly [text: string, print: string])[] = [
  ['', ''],
  ['disk full', 'disk full'],
  ['user 17 not found', 'user <n> not found'],
  ['took 12.5ms of 1e10, -3 left', 'took <n>ms of <n>e<n>, <n> left'],
  ['connect 10.0.0.1:8086: refused', 'connect <n>: refused'],
  ['2024-01-31T12:30:01.5Z ready', '<n>T<n>Z ready'],
  ['worker12 on node-7, utf8', 'worker<n> on node-<n>, utf<n>'],
  ['job 123e4567-e89b-12d3-a456-426614174000 done', 'job <uuid> done'],
  ['jobs 1-123e4567-e89b-12d3-a456-426614174000', 'jobs <n>-<uuid>'],
  ['at 0x7ffe12 in commit 9f86d081', 'at <hex> in commit <hex>'],
  ['deadbeef cafe 12345678', 'deadbeef cafe <n>'],
  ['session Xk3j9PqR expired', 'session <id> expired'],
  ['x86_64 sha256', 'x<n>_<n> sha<n>'],
  ['cannot open "/var/x": \'no\' `y`', 'cannot open <text>: <text> <text>'],
  ["can't open John's file 3", "can't open John's file <n>"],
  ['he said "stop', 'he said "stop'],
  ['say "a \\"b\\" 1" twice', 'say <text> twice'],
  ['GET /jobs/42/logs/7.txt?id=99', 'GET /jobs/<n>/logs/<n>.txt?id=<n>'],
  ['  a\t\n b  ', 'a b'],
  ['(-1, +2)=-3 4-5', '(<n>, <n>)=<n> <n>'],
  ['größe 5 zu groß', 'größe <n> zu groß'],
];

describe(`fingerprint() (SEED=${SEED})`, () => {
  for (const [text, print] of CASES) it(JSON.stringify(text), () => expect(fingerprint(text)).to.equal(print));

  it('does not tell apart what differs in numbers only', () => {
    const random = new Random(SEED);
    const parts = ['user ', ' of ', '/', 'x', ' ', "'", '"', 'a1', '-', '.', 'ff', ':', '_', '0x'];
    for (let run = 0; run < 2_000; run++) {
      const shape = Array.from({ length: random.between(1, 6) }, () => random.pick(parts));
      // of one length, as the length of a word says what kind it is
      const filled = (): string => shape.map((part) => part + random.between(100, 999)).join(' and ');
      const [a, b] = [filled(), filled()];
      expect(fingerprint(a), `${a} | ${b}`).to.equal(fingerprint(b));
    }
  });

  it('reads no more than the beginning of a text', () => {
    const text = 'word '.repeat(1_000);
    expect(fingerprint(text)).to.equal(`${'word '.repeat(410).slice(0, 2_048)}…`);
    expect(fingerprint('\u{1f600}'.repeat(2_000)).isWellFormed()).to.equal(true);
  });

  for (const piece of ["'", '"\'`', " 'a", '1', '-1', 'a1', '0x', '\\', "'\\", '<n>', '1.']) {
    it(`keeps ${JSON.stringify(piece)} a thousand times over short`, () => {
      const text = piece.repeat(1_000_000);
      expect(fingerprint(text).length).to.be.below(4 * 2_048);
    });
  }
});
