/** Which spellings are taken for canonical keys: never one whose key would be another text. */
import { expect } from 'chai';
import { canonicalMeasurementEnd } from '../../../../server/ingest/canonical-spelling.ts';

describe('canonical spellings', () => {
  it('are plain, sorted and whole', () => {
    expect(end('m')).to.equal(1);
    expect(end('m,a=1')).to.equal(1);
    expect(end('event,a=1,ab=2,b=3')).to.equal(5);
    expect(end('m,a=1,b=ü,日=本')).to.equal(1);
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
      'm,b=1,a=2',
      'm,ab=1,a=2',
      'm,a=1,a=2',
      'm,a=1\\,b=2',
      'm,time=1',
      'm,a=1,time=2',
      'm,a=\u0001',
      `m,a=${'x'.repeat(5000)}`,
    ];
    for (const text of others) expect(end(text), text.slice(0, 20)).to.equal(-1);
  });
});

// private functions

function end(text: string): number {
  const bytes = Buffer.from(text);
  return canonicalMeasurementEnd(Buffer.concat([bytes, Buffer.from(' f=1\n')]), 0, bytes.length);
}
