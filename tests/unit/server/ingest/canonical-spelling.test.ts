/** Which spellings are made canonical byte by byte: never one whose key would be another text. */
import { expect } from 'chai';
import { seriesKey } from '../../../../model/index.ts';
import { CanonicalSpelling } from '../../../../server/ingest/canonical-spelling.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const NAMES = ['a', 'ab', 'b', 'aa', 'host', 'hostname', 'ü', '日本', '𝕏', 'z-1', 'A', '"q"'];
const VALUES = ['1', 'x=y'.slice(0, 1), 'ü', 'server01', '-', "'"];

describe('canonical spellings', () => {
  const seed = seedOfRun();

  it('are plain ones that are sorted, or are put in order', () => {
    expect(read('m')).to.deep.equal([1, 'm']);
    expect(read('m,a=1')).to.deep.equal([1, 'm,a=1']);
    expect(read('event,a=1,ab=2,b=3')).to.deep.equal([5, 'event,a=1,ab=2,b=3']);
    expect(read('m,a=1,b=ü,日=本')).to.deep.equal([1, 'm,a=1,b=ü,日=本']);
    expect(read('m,b=1,a=2')).to.deep.equal([1, 'm,a=2,b=1']);
    expect(read('m,ab=1,c=3,a=2,b=4')).to.deep.equal([1, 'm,a=2,ab=1,b=4,c=3']);
  });

  it('are nothing else', () => {
    const others = [
      '',
      ',a=1',
      '#m,a=1',
      'm=n,a=1',
      'm\\ n,a=1',
      'm,',
      'm,a',
      'm,=1',
      'm,a=',
      'm,a=1,',
      'm,a=1,b',
      'm,a=1,b=',
      'm,a=1=2',
      'm,a=1,a=2',
      'm,b=1,a=1,b=2',
      'm,a=1\\,b=2',
      'm,time=1',
      'm,time=1,a=2',
      'm,a=1,time=2',
      'm,a=\u0001',
      `m,a=${'x'.repeat(5000)}`,
      `m,${Array.from({ length: 65 }, (_, i) => `t${i}=1`).join(',')}`,
    ];
    for (const text of others) expect(read(text)[0], text.slice(0, 20)).to.equal(-1);
  });

  it(`are what the tags' key is (seed ${seed})`, () => {
    const random = new Random(seed);
    for (let n = 0; n < 500; n++) {
      const names = NAMES.filter(() => random.next() < 0.4).sort(() => random.next() - 0.5);
      const tags = names.map((name) => [name, random.pick(VALUES)] as const);
      const text = ['m', ...tags.map(([name, value]) => `${name}=${value}`)].join(',');
      expect(read(text)[1]).to.equal(['m', ...(tags.length > 0 ? [seriesKey(tags)] : [])].join(','));
    }
  });
});

// private functions

const spelling = new CanonicalSpelling();

/** Where the measurement ends, and the canonical spelling. The line begins somewhere in its body. */
function read(text: string): [end: number, canonical: string] {
  const bytes = Buffer.from(text);
  const body = Buffer.concat([Buffer.from('before f=1\n'), bytes, Buffer.from(' f=1\n')]);
  const from = 11;
  const end = spelling.read(body, from, from + bytes.length);
  const canonical = spelling.isSorted ? bytes : spelling.bytes(bytes.length);
  return [end < 0 ? -1 : end - from, Buffer.from(canonical).toString()];
}
