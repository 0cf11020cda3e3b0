/**
 * Bodies of which something must be refused, in line protocol; each is written into a measurement of its own, then read back. What
 * differs on purpose is not here: docs/influxql-differences.md, "Writing".
 */

export interface RefusedWrite {
  readonly what: string;
  /** `m` stands for the measurement. */
  readonly body: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

export const REFUSED_WRITES: readonly RefusedWrite[] = [
  { what: 'no fields', body: 'm' },
  { what: 'tags and no fields', body: 'm,host=a' },
  { what: 'a field without value', body: 'm v=' },
  { what: 'a field without name', body: 'm =1' },
  { what: 'a tag without value', body: 'm,host= v=1' },
  { what: 'a tag without name', body: 'm,=a v=1' },
  { what: 'no measurement', body: ',host=a v=1' },
  { what: 'the same tag twice', body: 'm,host=a,host=b v=1' },
  { what: 'a bad number', body: 'm v=1.2.3' },
  { what: 'a bad word', body: 'm v=maybe' },
  { what: 'a whole number past its end', body: 'm v=9223372036854775808i' },
  { what: 'a fraction as a whole number', body: 'm v=1.5i' },
  { what: 'infinity', body: 'm v=inf' },
  { what: 'not a number', body: 'm v=NaN' },
  { what: 'an open text', body: 'm v="abc' },
  { what: 'a bad time', body: 'm v=1 yesterday' },
  { what: 'a time past its end', body: 'm v=1 9223372036854775808' },
  { what: 'a time past its end by its precision', body: 'm v=1 9223372036854775', parameters: { precision: 's' } },
  { what: 'a second time', body: 'm v=1 1 1' },
  { what: 'good lines between bad ones', body: 'm v=1 1\nm v=\nm v=2 2\n,x=1 v=3\nm v=4 4' },
  { what: 'a comment and blank lines', body: '# nothing\n\nm v=1 1\n\n' },
  { what: 'another type in the same body', body: 'm v=1 1\nm v=2i 2\nm v="x" 3\nm v=4 4' },
  { what: 'another type beside good fields', body: 'm v=1,w=1 1\nm v=2i,w=2 2\nm w=3 3' },
  { what: 'a boolean over a float', body: 'm v=1 1\nm v=true 2' },
  { what: 'the field "time"', body: 'm time=1,v=2 1' },
  { what: 'only the field "time"', body: 'm time=1 1' },
  { what: 'the tag "time"', body: 'm,time=a v=2 1' },
  { what: 'spaces at the end of a key', body: 'm,host=a\\  v=1 1' },
  { what: 'a backslash before the end', body: 'm,host=a\\ v=1 1' },
  { what: 'an empty body', body: '' },
  { what: 'a name with everything escaped', body: 'm,a\\ b=c\\,d,e\\=f=g "v w"=1,x\\ y="q\\"\\\\z" 1' },
];
