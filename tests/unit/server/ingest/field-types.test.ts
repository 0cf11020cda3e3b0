/** Field types: one authority, caches that agree with it in the end. */
import { expect } from 'chai';
import { FieldTypeAuthority, FieldTypes, type NewField } from '../../../../server/ingest/index.ts';
import { Decoding } from './decoding.ts';

const V_FLOAT: NewField = { measurement: 'm', field: 'v', type: 'float' };
const V_INTEGER: NewField = { measurement: 'm', field: 'v', type: 'integer' };

describe('field types', () => {
  it('reads only so far behind a new field as it is told to', () => {
    const lines = Array.from({ length: 100 }, (_, i) => `m f${i}=1 1\n`).join('');
    const names = (bytesBehindNewField?: number): string[] =>
      new Decoding().decode(lines, { bytesBehindNewField }).newFields.map(({ field }) => field);
    expect(names().length).equal(100);
    expect(names(0)).deep.equal(['f0']);
    expect(names(20)).deep.equal(['f0', 'f1', 'f2', 'f3']);
  });

  it('keeps the first type, per database and policy', () => {
    const authority = new FieldTypeAuthority();
    expect(authority.declare('db', 'rp', [V_FLOAT]).fields).deep.equal([V_FLOAT]);
    expect(authority.declare('db', 'rp', [V_INTEGER]).fields).deep.equal([V_FLOAT]);
    expect(authority.declare('db', 'other', [V_INTEGER]).fields).deep.equal([V_INTEGER]);
    authority.forgetDatabase('db');
    expect(authority.declare('db', 'rp', [V_INTEGER]).fields).deep.equal([V_INTEGER]);
  });

  it('makes a decoder that assumed otherwise decode again', () => {
    const decoding = new Decoding();
    decoding.authority.declare('db', 'autogen', [V_INTEGER]);
    const first = decoding.decode('m v=1.5 1\nm w=1 1\n');
    expect([first.rows, first.newFields]).deep.equal([2, [V_FLOAT, { ...V_FLOAT, field: 'w' }]]);
    const again = decoding.decode('m v=1.5 1\nm w=1 1\n');
    expect([again.rows, again.refused, again.newFields.length]).deep.equal([1, 1, 0]);
    expect(new FieldTypes().learn([V_FLOAT], decoding.authority.declare('db', 'autogen', [V_FLOAT]))).equal(false);
    expect(new FieldTypes().learn([V_INTEGER], decoding.authority.declare('db', 'autogen', [V_INTEGER]))).equal(true);
  });

  it('forgets what it assumed where nobody declared it', () => {
    const decoding = new Decoding();
    const request = { fieldTypes: new FieldTypes() };
    expect(decoding.decode('m v=1i 1\n', request).rows).equal(1);
    expect(decoding.decode('m v=1.5 1\n', request).rows).equal(1);
  });

  it('takes new types after a database was dropped', () => {
    const decoding = new Decoding();
    decoding.decode('m v=1i 1\n');
    expect(decoding.decode('m v=1.5 1\n').rows).equal(0);
    decoding.fieldTypes.forgetDatabase('db');
    decoding.authority.forgetDatabase('db');
    expect(decoding.decode('m v=1.5 1\n').rows).equal(1);
  });

  it('refuses fields and measurements beyond the limits', () => {
    const authority = new FieldTypeAuthority({ fieldsPerMeasurementMax: 1, measurementsPerDatabaseMax: 1 });
    const fieldTypes = new FieldTypes();
    const asked: NewField[] = [V_FLOAT, { ...V_FLOAT, field: 'w' }, { ...V_FLOAT, measurement: 'n' }];
    const verdict = authority.declare('db', 'autogen', asked);
    expect(fieldTypes.learn(asked, structuredClone(verdict))).equal(false);
    const decoded = new Decoding().decode('m v=1\nm w=1\nn v=1\n', { fieldTypes });
    expect([decoded.rows, decoded.newFields.length]).deep.equal([1, 0]);
    expect(decoded.errors.map((e) => e.message)).deep.equal([
      'too many fields: measurement "m" takes no more, input field "w" is new',
      'too many fields: measurement "n" takes no more, input field "v" is new',
    ]);
  });
});
