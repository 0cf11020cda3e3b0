/**
 * Line protocol, line by line: what is taken and the exact text where it is not. The answers in LINES are those that InfluxDB
 * 1.6.7 gave to the same lines, the problem after `unable to parse '…': `; '' = taken.
 */
import { expect } from 'chai';
import { Decoding } from './decoding.ts';

const LINES: readonly (readonly [line: string, problem: string])[] = [
  ['x', 'missing fields'],
  ['m v', 'invalid field format'],
  ['m v=', 'missing field value'],
  ['m v=1', ''],
  ['m v= 1', 'missing field value'],
  ['m,v=1', 'missing fields'],
  ['m,a=1', 'missing fields'],
  ['m,a v=1', 'missing tag value'],
  ['m,a= v=1', 'missing tag value'],
  ['m,=1 v=1', 'missing tag key'],
  ['m, v=1', 'missing tag key'],
  ['m,a=1,a=2 v=1', 'duplicate tags'],
  ['m,b=1,a=2 v=1 10', ''],
  ['m v=abc', 'invalid boolean'],
  ['m v=1x', 'invalid number'],
  ['m v=1ii', 'invalid number'],
  ['m v=1.5i', 'invalid number'],
  ['m2 v=9223372036854775807i 1', ''],
  [
    'm2 v=9223372036854775808i 2',
    'unable to parse integer 9223372036854775808: strconv.ParseInt: parsing "9223372036854775808": value out of range',
  ],
  ['m2 v=-9223372036854775808i 2', ''],
  ['m4 v=1e400', 'invalid float'],
  ['m4 v=nan', 'invalid number'],
  ['m4 v=NaN', 'invalid number'],
  ['m4 v=+Inf', 'invalid boolean'],
  ['m4 v=inf', 'invalid boolean'],
  ['m4 v=+1 1', 'invalid boolean'],
  ['m4 v=+1.5e+10 2', 'invalid boolean'],
  ['m4 v=.5 3', ''],
  ['m4 v=5. 4', ''],
  ['m4 v=-.5 5', ''],
  ['m4 v=- 5', 'invalid number'],
  ['m4 v=. 6', 'invalid number'],
  ['m4 v=1e 6', 'invalid float'],
  ['m4 v=1e5 6', ''],
  ['m4 v=1E5 6', ''],
  ['m4 v=1.1.1 6', 'invalid number'],
  ['m4 v=--1 6', 'invalid number'],
  ['m4 v=1-1 6', 'invalid number'],
  ['m5 v=t 1', ''],
  ['m5 v=T 2', ''],
  ['m5 v=true 3', ''],
  ['m5 v=True 4', ''],
  ['m5 v=TRUE 5', ''],
  ['m5 v=tRue 6', 'invalid boolean'],
  ['m5 v=tr 6', 'invalid boolean'],
  ['m5 v=fals 6', 'invalid boolean'],
  ['m5 v=false,w=F 7', ''],
  ['m6 v="abc" 1', ''],
  ['m6 v="abc 1', 'unbalanced quotes'],
  ['m6 v="a\\"b\\\\c\\d" 2', ''],
  ['m6 v="a",w=2 4', ''],
  ['m7 v=1 abc', 'bad timestamp'],
  ['m7 v=1 1.5', 'bad timestamp'],
  ['m7 v=1 99999999999999999999', 'strconv.ParseInt: parsing "99999999999999999999": value out of range'],
  ['m7 v=1 9223372036854775807', 'time outside range -9223372036854775806 - 9223372036854775806'],
  ['m7 v=1 9223372036854775806', ''],
  ['m7 v=1 -9223372036854775806', ''],
  ['m7 v=1 -9223372036854775807', 'time outside range -9223372036854775806 - 9223372036854775806'],
  ['m7 v=1 -5', ''],
  ['m7 v=1 +5', 'bad timestamp'],
  ['m7 v=1 1 2', 'point is invalid'],
  ['m7 v=1 1   ', ''],
  ['  m7 v=1 1', ''],
  ['m7   v=1    1', ''],
  ['m8 time=1', 'partial write: invalid field name: input field "time" on measurement "m8" is invalid dropped=1'],
  ['m8 time=1,v=2 1', ''],
  ['m8,time=x v=2 1', 'partial write: invalid tag key: input tag "time" on measurement "m8" is invalid dropped=1'],
  ['m8 v=1,v=2 1', ''],
  ['# comment', ''],
  ['  # comment', ''],
  ['', ''],
  ['   ', ''],
  ['m9\\,a\\ b\\=c v=1 1', ''],
  ['m9,a\\,b=c\\ d\\=e v=1 1', ''],
  ['m9 a\\,b\\ c\\=d=1 1', ''],
  ['m9\\\\ v=1 1', 'invalid field format'],
  ['m9,a=b\\ v=1 1', 'invalid tag format'],
  ['m9,a=b\\\\ v=1 1', 'invalid tag format'],
  ['m9=x v=1 1', ''],
  [',a=b v=1', 'missing measurement'],
  [' ,a=b v=1', 'missing measurement'],
  ['m v=1,w 1', 'invalid field format'],
  ['m v=1, 1', 'invalid field format'],
  ['m v=1,,w=2 1', 'invalid field format'],
  ['m =1', 'missing field key'],
  ['m v==1', 'invalid boolean'],
  ['m v=1=2', 'invalid number'],
  ['m,a=b=c v=1', 'invalid tag format'],
  ['m,a=b,c v=1', 'missing tag value'],
  ['m,a=b, v=1', 'missing tag key'],
  ['m,a=b', 'missing fields'],
  ['m,a=b ', 'invalid field format'],
  ['m ', 'invalid field format'],
  ['m v=0x10', 'invalid number'],
  ['m v=1_0', 'invalid number'],
  ['m v=1e5i', 'invalid number'],
  ['m v=-1u', 'invalid number'],
  ['m v=i', 'invalid boolean'],
  ['m v=-i', 'invalid number'],
  ['m4 v=00012 1', ''],
  ['m v=1" ', 'invalid number'],
  ['m,a="b c" v=1', 'invalid field format'],
  ['m,a="b,c=d" v=1', ''],
  ['"m x",a=b v=1', 'invalid boolean'],
  ['m "v"=1', ''],
  ['m "a b"=1', 'invalid field format'],
  ['m v=1 "', 'bad timestamp'],
  ['m v=1 1 # x', 'point is invalid'],
  ['mz\tv=1 1', 'invalid field format'],
  ['mz v=1\t1', 'invalid number'],
  ['mz v=1 1\t', 'bad timestamp'],
  ['m\\ v=1', 'missing fields'],
  ['m,a\\=b v=1', 'missing tag value'],
  ['m,a=\\, v=1', ''],
  ['m,\\a=b v=1', ''],
  ['m _field=1', ''],
  ['m,_field=1 v=1', ''],
  ['m,_measurement=1 v=1', ''],
  ['m v=1i,', 'invalid field format'],
  ['m v=1i ,', 'bad timestamp'],
  ['m,a=b  v=1', ''],
  ['m ,v=1', 'invalid field format'],
  ['m v=1 -', 'strconv.ParseInt: parsing "-": invalid syntax'],
  ['m v=1 1i', 'bad timestamp'],
  ['m v=1i1', 'invalid number'],
  ['m v=-', 'invalid number'],
  ['m v=+', 'invalid boolean'],
  ['m v=e5', 'invalid boolean'],
  ['m v=TRUE1', 'invalid boolean'],
  ['m v=f,w=falsee', 'invalid boolean'],
  ['m v=ture\n', 'invalid boolean'],
];

describe('line protocol: single lines as InfluxDB answers them', () => {
  for (const [line, problem] of LINES) {
    it(JSON.stringify(line), () => {
      for (const body of [line, `${line}\n`]) {
        const decoded = new Decoding().decode(body);
        const start = line.trimStart();
        if (problem === '') expect(decoded.text).equal('');
        else if (problem.startsWith('partial write')) expect(decoded.text).equal(problem);
        else expect(decoded.text).equal(`unable to parse '${start.replace('\n', '')}': ${problem}`);
        const isPoint = start !== '' && !start.startsWith('#');
        expect(decoded.rows).equal(problem === '' && isPoint ? 1 : 0);
      }
    });
  }
});

describe('line protocol: what points become', () => {
  it('reads all types, escapes and strings with newlines', () => {
    const body = [
      'm\\,x\\ y,b=2,a\\ k=v\\,1\\=2 f=-1.5e3,i=-12i,u=18446744073709551615u,t=T,n=False,s="a \\"q\\" \\\\ \\n',
      'two",fi\\ e\\=ld=0.1 1\n',
    ].join('\n');
    const { points, text } = new Decoding().decode(body);
    expect(text).equal('');
    expect(points).deep.equal([
      {
        measurement: 'm,x y',
        tags: { 'a k': 'v,1=2', b: '2' },
        fields: {
          f: -1500,
          i: -12,
          u: 18446744073709551615n,
          t: true,
          n: false,
          s: 'a "q" \\ \\n\ntwo',
          'fi e=ld': 0.1,
        },
        time: 1n,
      },
    ]);
  });

  it('knows a series by its tags, in whatever order they are written', () => {
    const decoding = new Decoding();
    for (let i = 0; i < 3; i++) {
      const { batches } = decoding.decode('m,b=1,a=2 v=1 1\nm,a=2,b=1 v=2 2\nm,b=1,a=2 v=3 3\nm,\\a=2 v=1 1\n');
      const keys = batches
        .flat()
        .flatMap((b) => Array.from({ length: b.seriesKeys.size }, (_, k) => b.seriesKeys.get(k)));
      expect(keys.sort()).deep.equal(['\\\\a=2', 'a=2,b=1']);
    }
  });

  it('keeps presence where fields come and go, in every order, and the last of a repeated field', () => {
    const decoding = new Decoding();
    const body = 'm a=1i,b=2i 1\nm b=3i 2\nm c="x",a=4i 3\nm b=5i,a=6i 4\nm a=7i,a=8i 5\n';
    for (let i = 0; i < 3; i++) {
      const { points } = decoding.decode(body);
      expect(points.map((p) => p.fields)).deep.equal([
        { a: 1, b: 2 },
        { b: 3 },
        { c: 'x', a: 4 },
        { a: 6, b: 5 },
        { a: 8 },
      ]);
    }
  });

  it('holds exact integers and floats', () => {
    const decoding = new Decoding();
    const body =
      'm i=1i,f=0.1 1\nm i=9223372036854775807i,f=0.30000000000000004 2\nm i=-9007199254740993i,f=123456789012345680 3\n';
    for (let i = 0; i < 2; i++) {
      expect(decoding.decode(body).points.map((p) => [p.fields['i'], p.fields['f']])).deep.equal([
        [1n, 0.1],
        [9223372036854775807n, 0.30000000000000004],
        [-9007199254740993n, Number('123456789012345680')],
      ]);
    }
  });

  it('reads times in every precision, negative ones, and cuts the server time', () => {
    const decoding = new Decoding();
    const times = (body: string, precision: 'ns' | 'us' | 'ms' | 's' | 'm' | 'h') =>
      decoding.decode(body, { precision }).points.map((p) => p.time);
    expect(times('m v=1 1700000000123456789\nm v=1 -1\nm v=1 5\n', 'ns')).members([1700000000123456789n, -1n, 5n]);
    expect(times('m v=1 1700000000123456\n', 'us')).deep.equal([1700000000123456000n]);
    expect(times('m v=1 1700000000123\n', 'ms')).deep.equal([1700000000123000000n]);
    expect(times('m v=1 1700000000\n', 's')).deep.equal([1700000000000000000n]);
    expect(times('m v=1 2\n', 'm')).deep.equal([120000000000n]);
    expect(times('m v=1 -2\n', 'h')).deep.equal([-7200000000000n]);
    expect(times('m v=1\n', 's')).deep.equal([1700000000000000000n]);
    expect(times('m v=1\n', 'ns')).deep.equal([1700000000123456789n]);
  });

  it('splits batches whose times lie too far apart, and keeps series apart in each', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `m,s=${i % 3} v=${i} ${(i % 5) * 31_536_000}\n`).join('');
    const { points, batches } = new Decoding({ shards: 2 }).decode(lines, { precision: 's' });
    expect(points.length).equal(60);
    for (const batch of batches.flat()) expect(batch.maxTime - batch.minTime < 2n ** 52n).equal(true);
    for (const batch of batches.flat()) expect(batch.seriesKeys.size <= 3).equal(true);
    for (const p of points) {
      const i = p.fields['v'] as number;
      expect([p.tags['s'], p.time]).deep.equal([String(i % 3), BigInt((i % 5) * 31_536_000) * 1_000_000_000n]);
    }
  });

  it('takes a carriage return before the newline', () => {
    const { points, text } = new Decoding().decode('m v=1i 1\r\nm v=2i\r\nm s="x",v=3i 3\r\n\r\n');
    expect([text, points.length]).deep.equal(['', 3]);
  });

  it('does not mix databases, policies or measurements of the same names', () => {
    const decoding = new Decoding();
    expect(decoding.decode('m,a=b v=1i 1\n').batches.flat()[0].database).equal('db');
    const other = decoding.decode('m,a=b v=1.5 1\n', { database: 'other' });
    expect([other.text, other.batches.flat()[0].database]).deep.equal(['', 'other']);
    const policy = decoding.decode('m,a=b v=t 1\n', { retentionPolicy: 'year' });
    expect([policy.text, policy.batches.flat()[0].retentionPolicy]).deep.equal(['', 'year']);
  });
});

describe('line protocol: bad lines among good ones', () => {
  it('keeps the good ones and numbers the bad ones', () => {
    const { text, rows, lines } = new Decoding().decode('# c\nm v=1 1\nbad\n\nm v=2i 2\nm s="a\nb" 3\nbad2\n');
    expect(text).equal(
      "partial write: line 3: unable to parse 'bad': missing fields\n" +
        'line 5: field type conflict: input field "v" on measurement "m" is type integer, already exists as type float\n' +
        "line 8: unable to parse 'bad2': missing fields dropped=1",
    );
    expect([rows, lines]).deep.equal([2, 5]);
  });

  it('says no `partial write` where nothing could be read', () => {
    expect(new Decoding().decode('x\ny').text).equal(
      "line 1: unable to parse 'x': missing fields\nline 2: unable to parse 'y': missing fields",
    );
  });

  it('says it of a single line exactly as InfluxDB', () => {
    const decoding = new Decoding();
    decoding.decode('m v=1i');
    expect(decoding.decode('m v=1.5').text).equal(
      'partial write: field type conflict: input field "v" on measurement "m" is type float, already exists as type integer dropped=1',
    );
  });

  it('never keeps half a line', () => {
    const decoding = new Decoding();
    decoding.decode('m a=1i,b=1i 1\n');
    const { points } = decoding.decode('m a=2i,b=oops 2\nm a=3i,b=3i 3\nm a=4i,c=x 4\n');
    expect(points).deep.equal([{ measurement: 'm', tags: {}, fields: { a: 3, b: 3 }, time: 3n }]);
  });

  it('refuses bytes that are not UTF-8, in their line only', () => {
    const body = Buffer.concat([Buffer.from('m v=1 1\nm,a='), Buffer.from([0xff]), Buffer.from(' v=2 2\nm v=3 3\n')]);
    const { points, errors } = new Decoding().decode(new Uint8Array(body));
    expect(points.map((p) => p.time)).deep.equal([1n, 3n]);
    expect(errors.map((e) => [e.line, e.message.split(': ')[1]])).deep.equal([[2, 'invalid UTF-8']]);
  });
});

describe('line protocol: what is known is read as what is new', () => {
  it('even where the rules for keys and for the end of a line disagree about a backslash', () => {
    const key = 'm,a=b\\\\ c,d=="e';
    const warm = new Decoding();
    expect(warm.decode(`${key} v=1 1`).rows).equal(1);
    const body = `${key} v=1 1\nm v=2 2\n`;
    const [known, fresh] = [warm.decode(body), new Decoding().decode(body)];
    expect([known.lines, known.rows, known.text]).deep.equal([fresh.lines, fresh.rows, fresh.text]);
    expect(fresh.lines).equal(1);
  });

  it('where a time follows its value without a space', () => {
    const warm = new Decoding();
    for (const [i, value] of ['"x"', '1i', '1', 't', 'true', '1.5'].entries()) {
      warm.decode(`m${i} v=${value} 1\n`);
      const body = `m${i} v=${value}1155185635144171940\n`;
      const [known, fresh] = [warm.decode(body), new Decoding().decode(body)];
      expect([known.lines, known.text], value).deep.equal([fresh.lines, fresh.text]);
    }
  });
});

describe('line protocol: lists of series that come again', () => {
  const hosts = Array.from({ length: 400 }, (_, i) => `host-with-a-long-name-${i}`);
  const bodyOf = (names: readonly string[], time: number): string =>
    names.map((host, i) => `cpu,datacenter=eu-central-1,host=${host} v=${i}i ${time}\n`).join('');
  const pointsOf = (names: readonly string[], time: number): unknown[] =>
    names.map((host, i) => [host, i, BigInt(time)]).sort();
  const found = ({ points }: ReturnType<Decoding['decode']>): unknown[] =>
    points.map(({ tags, fields, time }) => [tags['host'], fields['v'], time]).sort();

  it('are packed from the second time on, and say the same', () => {
    const decoding = new Decoding();
    const rounds = [1, 2, 3, 4].map((time) => {
      const decoded = decoding.decode(bodyOf(hosts, time));
      expect(found(decoded)).deep.equal(pointsOf(hosts, time));
      return decoded.batches.map(([batch]) => batch.keptKeys);
    });
    expect(rounds[0].every((keys) => keys === undefined)).equal(true);
    expect(rounds[2].every((keys, shard) => keys !== undefined && keys === rounds[3][shard])).equal(true);
  });

  it('are other lists where one series is another, one more or in another place', () => {
    const decoding = new Decoding();
    for (let round = 0; round < 3; round++) decoding.decode(bodyOf(hosts, round));
    for (const names of [hosts.with(300, 'another'), [...hosts, 'one-more'], hosts.toReversed(), hosts.slice(1)]) {
      for (let time = 10; time < 14; time++) {
        expect(found(decoding.decode(bodyOf(names, time)))).deep.equal(pointsOf(names, time));
      }
    }
  });

  it('are forgotten with the series', () => {
    const decoding = new Decoding({ shards: 1, limits: { knownSeriesMax: 500 } });
    for (let time = 0; time < 12; time++) {
      const names = hosts.map((host) => `${host}-${time % 3}`);
      for (let again = 0; again < 3; again++) {
        expect(found(decoding.decode(bodyOf(names, time)))).deep.equal(pointsOf(names, time));
      }
    }
  });
});

describe('line protocol: slices', () => {
  it('give what one go gives, whatever their size', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `m${i % 3},b=${i % 5},a=x v=${i},s="a\nb" ${i}`);
    const body = new TextEncoder().encode(`${lines.join('\n')}\nbad line\n\nm0 v="other type"\n`);
    const whole = new Decoding();
    const wanted = [whole.decode(body), whole.decode(body)];
    for (const bytes of [1, 7, 100, 10_000]) {
      const sliced = new Decoding();
      for (const { points, text, lines: count } of wanted) {
        const decoded = sliced.decode(body, {}, bytes);
        expect([decoded.points, decoded.text, decoded.lines]).deep.equal([points, text, count]);
      }
    }
    const request = { database: 'db', retentionPolicy: 'autogen', precision: 'ns', now: 0n } as const;
    const steps = whole.decoder.slices(body, { ...request, fieldTypes: whole.fieldTypes }, 100);
    expect([...steps].length).to.be.within(body.length / 200, body.length / 100);
  });
});

describe('line protocol: limits', () => {
  it('lists so many errors and counts all', () => {
    const { errors, unparsed, text } = new Decoding({ limits: { errorsListedMax: 2 } }).decode('a\nb\nc\nd\n');
    expect([errors.length, unparsed]).deep.equal([2, 4]);
    expect(text.endsWith('… and 2 more bad lines')).equal(true);
  });

  it('refuses bodies, lines, keys, tags, fields, points and measurements beyond theirs', () => {
    const problem = (limits: object, body: string) => new Decoding({ limits }).decode(body).text;
    expect(() => problem({ bodyBytesMax: 3 }, 'm v=1')).throw('body of 5 bytes, at most 3 are taken');
    expect(problem({ lineBytesMax: 5 }, 'm v=123')).match(/line too long: 7 > 5 bytes$/);
    expect(problem({}, `${'a'.repeat(65_536)} v=1`)).match(/…': max key length exceeded: 65536 > 65535$/);
    expect(problem({ tagsPerPointMax: 1 }, 'm,a=1,b=2 v=1')).match(/too many tags/);
    expect(problem({ fieldsPerPointMax: 1 }, 'm a=1,b=2')).match(/too many fields: 2 > 1$/);
    expect(problem({ pointsPerBodyMax: 1 }, 'm v=1 1\nm v=2 2\n')).match(/line 2: too many points in one request/);
    expect(problem({ measurementsPerBodyMax: 1 }, 'm v=1\nn v=1')).match(/line 2: too many measurements/);
    expect(problem({ newFieldsPerBodyMax: 1 }, 'm v=1\nm w=1')).match(/line 2: too many new fields/);
  });

  it('holds holes in bounds where every point has other fields', () => {
    const body = Array.from({ length: 2000 }, (_, i) => `m f${i}=1i ${i}\n`).join('');
    const { points, batches } = new Decoding().decode(body);
    expect(points.length).equal(2000);
    const cells = batches.flat().reduce((sum, b) => sum + b.rows * b.columns.size, 0);
    expect(cells < 2000 * 150).equal(true);
    expect(new Decoding({ limits: { cellsPerBodyMax: 1000 } }).decode(body).refused > 0).equal(true);
  });

  it('goes on where its memory of series is full', () => {
    const decoding = new Decoding({ limits: { knownSeriesMax: 10 } });
    for (let round = 0; round < 3; round++) {
      const body = Array.from({ length: 30 }, (_, i) => `m,s=${i} v=${i} 1\n`).join('');
      const { points } = decoding.decode(body);
      expect(points.every((p) => p.tags['s'] === String(p.fields['v']))).equal(true);
      expect(points.length).equal(30);
    }
  });

  it('reads a megabyte of digits, dots or quotes in no time to speak of', () => {
    for (const part of ['1', '.', '1.', '"', '\\', ',', '=', '1e', ' ']) {
      const body = `m v=${part.repeat(900_000 / part.length)}x`;
      expect(new Decoding().decode(body).rows).equal(0);
    }
  });
});
