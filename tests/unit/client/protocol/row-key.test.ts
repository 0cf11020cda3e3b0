/** Keys of `delete` frames: one row has one key, and it comes back as it was. */
import { expect } from 'chai';
import { decodeRowKey, encodeRowKey } from '../../../../client/protocol/index.ts';

describe('protocol/row-key', () => {
  it('does not depend on the order of tags', () => {
    expect(encodeRowKey('m', { b: '2', a: '1' }, 5)).to.equal('["m",{"a":"1","b":"2"},5]');
    expect(encodeRowKey('m', undefined)).to.equal('["m",{}]');
  });

  it('gives back name, tags and time, and null for what is no key', () => {
    expect(decodeRowKey(encodeRowKey('a "b"', { 'k,': '=' }, 'T'))).to.deep.equal({
      name: 'a "b"',
      tags: { 'k,': '=' },
      time: 'T',
    });
    expect(decodeRowKey(encodeRowKey('m', {}))).to.deep.equal({ name: 'm', tags: {}, time: undefined });
    for (const text of ['', '{}', '[1,{}]', '["m"]', '["m",null]']) expect(decodeRowKey(text)).to.equal(null);
  });
});
