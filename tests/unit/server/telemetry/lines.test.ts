import { expect } from 'chai';
import fc from 'fast-check';
import { type Row, rowsToLines } from '../../../../server/telemetry/index.ts';

describe('lines of telemetry', () => {
  it('writes rows as line protocol, tags in order', () => {
    const rows: Row[] = [
      { measurement: 'cpu', tags: { host: 'a', core: '0' }, fields: { busy: 12.5, idle: 87.5 } },
      { measurement: 'load', tags: {}, fields: { load1: 1e-7, load5: 1e21 } },
    ];
    expect(rowsToLines(rows, 1_500_000_000_000_000_000n)).to.equal(
      'cpu,core=0,host=a busy=12.5,idle=87.5 1500000000000000000\nload load1=1e-7,load5=1e+21 1500000000000000000\n',
    );
  });

  it('leaves out what is not a number, empty tags and empty rows', () => {
    const rows: Row[] = [
      { measurement: 'm', tags: { empty: '', host: 'h' }, fields: { a: Number.NaN, b: null, c: 0, d: 1 / 0 } },
      { measurement: 'none', tags: {}, fields: { a: null } },
    ];
    expect(rowsToLines(rows, 1n)).to.equal('m,host=h c=0 1\n');
  });

  it('escapes names so that a reader finds them again', () => {
    const odd = fc.string({ unit: fc.constantFrom('a', ',', '=', ' ', '\\', '"', 'ä'), minLength: 1, maxLength: 6 });
    const name = odd.filter((text) => !text.endsWith('\\') && !/\\[,= \\]/.test(text));
    fc.assert(
      fc.property(name, name, name, name, (measurement, tag, value, field) => {
        const text = rowsToLines([{ measurement, tags: { [tag]: value }, fields: { [field]: 1 } }], 5n);
        expect(read(text)).to.deep.equal([measurement, tag, value, field, '1', '5']);
      }),
    );
  });

  it('replaces what line protocol cannot say', () => {
    const row = { measurement: 'a\nb', tags: { host: 'c\\\\' }, fields: { 'd\\': 1 } };
    expect(rowsToLines([row], 1n)).to.equal('a\\ b,host=c__ d_=1 1\n');
  });
});

/** Measurement, tag, value, field, its value, time of one line with one tag and one field. */
function read(line: string): string[] {
  const parts: string[] = [''];
  for (let i = 0; i < line.length - 1; i++) {
    const isMeasurement = parts.length === 1;
    const escaped = isMeasurement ? ', ' : ',= ';
    if (line[i] === '\\' && escaped.includes(line[i + 1])) parts[parts.length - 1] += line[++i];
    else if (escaped.includes(line[i])) parts.push('');
    else parts[parts.length - 1] += line[i];
  }
  return parts;
}
