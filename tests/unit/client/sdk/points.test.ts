/** Points → line protocol: every escape, every type, and what cannot be said. */
import { expect } from 'chai';
import { encodePoint, encodePoints, MillraceError, type Point, unsigned } from '../../../../client/sdk/index.ts';

describe('sdk/points', () => {
  it('escapes measurement, tag keys, tag values and field keys where line protocol wants it', () => {
    const line = encodePoint({
      measurement: 'my, m=x',
      tags: { 'k,=  k': 'v,= v' },
      fields: { 'f,= f': 1 },
      time: 5,
    });
    expect(line).to.equal('my\\,\\ m=x,k\\,\\=\\ \\ k=v\\,\\=\\ v f\\,\\=\\ f=1 5');
  });

  it('writes the five types', () => {
    const line = encodePoint({
      measurement: 'm',
      fields: { f: 1.5, big: 1e21, i: -7n, u: unsigned(18446744073709551615n), b: true, s: 'a "q" \\ b\nc' },
    });
    expect(line).to.equal('m f=1.5,big=1e+21,i=-7i,u=18446744073709551615u,b=true,s="a \\"q\\" \\\\ b\nc"');
  });

  it('sorts tags and leaves out empty tags and absent fields', () => {
    const point = { measurement: 'm', tags: { b: '2', a: '1', none: '' }, fields: { x: 1, y: null, z: undefined } };
    expect(encodePoint(point)).to.equal('m,a=1,b=2 x=1');
  });

  it('turns a Date into the precision, rounded down before 1970 as well', () => {
    const point = (ms: number): Point => ({ measurement: 'm', fields: { x: 1 }, time: new Date(ms) });
    expect(encodePoint(point(1500), 'ns')).to.equal('m x=1 1500000000');
    expect(encodePoint(point(1500), 's')).to.equal('m x=1 1');
    expect(encodePoint(point(-1500), 's')).to.equal('m x=1 -2');
  });

  it('keeps every digit of a bigint time, and puts points on lines', () => {
    const point = { measurement: 'm', fields: { x: 1 }, time: 1700000000123456789n };
    expect(encodePoints([point, point])).to.equal('m x=1 1700000000123456789\nm x=1 1700000000123456789');
  });

  const unsayable: readonly (readonly [string, Point])[] = [
    ['no fields', { measurement: 'm', fields: {} }],
    ['NaN', { measurement: 'm', fields: { x: Number.NaN } }],
    ['an int64 that is none', { measurement: 'm', fields: { x: 2n ** 63n } }],
    ['a uint64 below zero', { measurement: 'm', fields: { x: unsigned(-1n) } }],
    ['an empty measurement', { measurement: '', fields: { x: 1 } }],
    ['a comment for a name', { measurement: '#m', fields: { x: 1 } }],
    ['a line break in a tag', { measurement: 'm', tags: { a: 'b\nc' }, fields: { x: 1 } }],
    ['a backslash at the end', { measurement: 'm', tags: { a: 'b\\' }, fields: { x: 1 } }],
    ['half a time unit', { measurement: 'm', fields: { x: 1 }, time: 1.5 }],
    ['an invalid Date', { measurement: 'm', fields: { x: 1 }, time: new Date(Number.NaN) }],
  ];
  for (const [what, point] of unsayable) {
    it(`refuses ${what}`, () => {
      expect(() => encodePoint(point))
        .to.throw(MillraceError)
        .with.property('code', 'invalid point');
    });
  }
});
