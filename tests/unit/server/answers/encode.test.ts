/** Results as bytes: the exact texts that InfluxDB gives, whatever the cuts between tables. */
import { expect } from 'chai';
import fc from 'fast-check';
import { encodeRowKey } from '../../../../client/protocol/index.ts';
import { formatTime, TextDictionary } from '../../../../model/index.ts';
import type { ResultColumn, ResultTable } from '../../../../query/runtime/source/result.ts';
import {
  type AnswerOptions,
  encodeAnswer,
  encodeDeleteMembers,
  encodeErrorMembers,
  encodeProgressMembers,
  encodeRowsMembers,
  encodeSeriesMembers,
  SeriesNumbers,
  type StatementAnswer,
} from '../../../../server/queries/answers/index.ts';
import { readMsgpack } from './support/read-msgpack.ts';

const BASE = 1_700_000_000_000_000_000n;

describe('answers', () => {
  const two: ResultTable = table([['host', 'a']], [0, 1e9], [1.5, Number.NaN]);
  const more: ResultTable = table([['host', 'a']], [2e9], [3]);
  const other: ResultTable = table([['host', 'b']], [0], [-0]);

  it('json: joins pieces of a series, floats as Go prints them, null where there is no value', async () => {
    expect(await text([{ statement: 0, tables: [two, more, other] }])).to.equal(
      '{"results":[{"statement_id":0,"series":[' +
        '{"name":"cpu","tags":{"host":"a"},"columns":["time","v"],"values":[["2023-11-14T22:13:20Z",1.5],["2023-11-14T22:13:21Z",null],["2023-11-14T22:13:22Z",3]]},' +
        '{"name":"cpu","tags":{"host":"b"},"columns":["time","v"],"values":[["2023-11-14T22:13:20Z",-0]]}]}]}\n',
    );
  });

  it('json: nothing, several statements, errors, messages', async () => {
    expect(await text([])).to.equal('{"results":[]}\n');
    expect(await text([{ statement: 0, tables: [] }])).to.equal('{"results":[{"statement_id":0}]}\n');
    const answers: StatementAnswer[] = [
      { statement: 0, error: 'database not found: "x"' },
      { statement: 1, tables: [more], messages: [{ level: 'warning', text: 'old' }] },
    ];
    expect(await text(answers, { epoch: 's' })).to.equal(
      '{"results":[{"statement_id":0,"error":"database not found: \\"x\\""},{"statement_id":1,"series":[{"name":"cpu",' +
        '"tags":{"host":"a"},"columns":["time","v"],"values":[[1700000002,3]]}],"messages":[{"level":"warning","text":"old"}]}]}\n',
    );
  });

  it('json: an error in the middle closes what is open', async () => {
    const failing = async function* () {
      yield more;
      yield other;
      throw new Error('query interrupted');
    };
    for (const chunkRows of [0, 1]) {
      const lines = (await text([{ statement: 0, tables: failing() }], { chunkRows })).trim().split('\n');
      expect(JSON.parse(lines.at(-1)!).results[0].error).to.equal('query interrupted');
      for (const line of lines) JSON.parse(line);
    }
  });

  it('json: an infinity takes the place of the answer, or of its chunk; behind the first piece it is an error', async () => {
    const error = 'json: unsupported value: -Inf';
    const types = ['httpd.Response', '*query.Result'].map(
      (type) => `json: error calling MarshalJSON for type ${type}: `,
    );
    const infinite = table(null, [0, 1], [1, Number.NEGATIVE_INFINITY]);
    for (const pretty of [false, true]) {
      const answers = [
        { statement: 0, tables: [more] },
        { statement: 1, tables: [infinite] },
      ];
      expect(await text(answers, { pretty })).to.equal(`${types.join('')}${error}\n`);
    }
    const lines = (await text([{ statement: 0, tables: [infinite, more] }], { chunkRows: 1 })).trim().split('\n');
    expect(lines[1]).to.equal(`${types.join('')}${error}`);
    expect([lines[0], lines[2]].map((line) => JSON.parse(line).results[0].series.length)).to.deep.equal([1, 1]);
    const many = Array<ResultTable>(4_000).fill(more);
    const { results } = JSON.parse(await text([{ statement: 0, tables: [...many, infinite, other] }]));
    expect(results[0].error).to.equal(error);
    expect(results[0].series.at(-1).values.at(-1)[1]).to.equal(null);
  });

  it('json: indented as Go does', async () => {
    expect(await text([{ statement: 0, tables: [table(null, [0], [1])] }], { pretty: true, epoch: 'ns' })).to.equal(
      `{
    "results": [
        {
            "statement_id": 0,
            "series": [
                {
                    "name": "cpu",
                    "columns": [
                        "time",
                        "v"
                    ],
                    "values": [
                        [
                            1700000000000000000,
                            1
                        ]
                    ]
                }
            ]
        }
    ]
}
`,
    );
  });

  it('json: chunks say whether the series and the statement go on', async () => {
    const chunks = (await text([{ statement: 0, tables: [two, more, other] }], { chunkRows: 2, epoch: 's' })).split(
      '\n',
    );
    const parsed = chunks.filter((line) => line !== '').map((line) => JSON.parse(line).results[0]);
    expect(parsed.map((r) => [r.partial, r.series[0].partial, r.series[0].values.length])).to.deep.equal([
      [true, true, 2],
      [true, undefined, 1],
      [undefined, undefined, 1],
    ]);
  });

  it('json: chunks of any size hold all rows, each full but the last of its series', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(7), { maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (sizes, chunkRows, pack) => {
          let row = 0;
          const tables = sizes.map((size) =>
            table(
              null,
              Array.from({ length: size }, () => row * 1e9),
              Array.from({ length: size }, () => row++),
            ),
          );
          const format = pack ? 'msgpack' : 'json';
          const bytes = await whole([{ statement: 0, tables }], { chunkRows, epoch: 's', format });
          const objects = pack ? readMsgpack(bytes) : jsonLines(bytes);
          // biome-ignore lint/suspicious/noExplicitAny: shapes are what is being tested
          const chunks = (objects as any[]).map((o) => o.results[0].series?.[0]).filter((s) => s !== undefined);
          const values = chunks.flatMap((s) => (s.values ?? []).map((v: unknown[]) => Number(v[1])));
          expect(values).to.deep.equal(Array.from({ length: row }, (_, i) => i));
          chunks.slice(0, -1).forEach((s) => {
            expect(s.values).to.have.length(chunkRows);
            expect(s.partial).to.equal(true);
          });
        },
      ),
    );
  });

  it('integers are exact, strings escaped as Go escapes them, exponents as Go writes them', async () => {
    const wide: ResultTable = {
      name: 'a"b',
      tags: null,
      columns: ['i', 'u', 'f', 's', 'b'],
      rows: 2,
      data: [
        { type: 'integer', values: BigInt64Array.of(9223372036854775807n, -9007199254740993n), present: null },
        { type: 'unsigned', values: BigUint64Array.of(18446744073709551615n, 0n), present: Uint8Array.of(1, 0) },
        { type: 'float', values: Float64Array.of(1e21, 1e-7), present: null },
        {
          type: 'string',
          values: Uint32Array.of(0, 1),
          dictionary: TextDictionary.of(['<é&"\\\n\t\b', 'plain']),
          present: null,
        },
        { type: 'boolean', values: Uint8Array.of(1, 0), present: null },
      ],
    };
    expect(await text([{ statement: 0, tables: [wide] }])).to.include(
      '"name":"a\\"b","columns":["i","u","f","s","b"],"values":[' +
        '[9223372036854775807,18446744073709551615,1e+21,"\\u003cé\\u0026\\"\\\\\\n\\t\\u0008",true],' +
        '[-9007199254740993,null,1e-7,"plain",false]]',
    );
    expect(await text([{ statement: 0, tables: [wide] }], { format: 'csv' })).to.equal(
      'name,tags,i,u,f,s,b\n"a""b",,9223372036854775807,18446744073709551615,1000000000000000000000,"<é&""\\\n\t\b",true\n' +
        '"a""b",,-9007199254740993,,0.0000001,plain,false\n',
    );
  });

  it('times: every unit, before 1970 and far from the base', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
        fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
        fc.constantFrom('ns', 'u', 'ms', 's', 'm', 'h') as fc.Arbitrary<'ns' | 'u' | 'ms' | 's' | 'm' | 'h'>,
        async (base, offset, epoch) => {
          const units = { ns: 1n, u: 1000n, ms: 10n ** 6n, s: 10n ** 9n, m: 60n * 10n ** 9n, h: 3600n * 10n ** 9n };
          const one = { ...table(null, [offset], [1]), data: [time([offset], base), floats([1])] };
          const answer = await text([{ statement: 0, tables: [one] }], { epoch });
          expect(answer).to.include(`[[${(base + BigInt(offset)) / units[epoch]},1]]`);
        },
      ),
    );
  });

  it('json: floats and whole numbers as JavaScript prints them', async () => {
    const decimal = fc
      .tuple(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), fc.integer({ min: 0, max: 12 }))
      .map(([digits, places]) => Number(`${digits}e-${places}`));
    const edges = [
      0,
      1e-6,
      999_999_999.999999,
      1e9 - 1e-7,
      1e15,
      1e15 - 1,
      0.1 + 0.2,
      2 ** 53,
      1e21,
      5e-324,
      99_999.95,
    ];
    const value = fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(...edges));
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 50 }), async (values) => {
        const whole = values.map((v) => Math.trunc(v));
        const answer = await text([
          {
            statement: 0,
            tables: [{ ...table(null, [], values), rows: values.length, data: [wholes(whole), floats(values)] }],
          },
        ]);
        const rows = values.map((v, i) => `[${BigInt(whole[i])},${Object.is(v, -0) ? '-0' : v}]`);
        expect(answer).to.include(`"values":[${rows.join(',')}]`);
      }),
      { numRuns: 2000 },
    );
  });

  it('json: time texts of rows near to each other and far from each other', async () => {
    const step = fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.integer({ min: -(10 ** 12), max: 10 ** 12 }),
      fc.constant(86_400e9),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
        fc.array(step, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(1, 1_000, 1_000_000_000),
        async (base, steps, unit) => {
          const begin = base - (base % BigInt(unit));
          let at = 0;
          const offsets = steps.map((s) => Math.trunc((at += s * unit)) % 2 ** 51);
          const one = { ...table(null, offsets, []), data: [time(offsets, begin), floats(offsets)] };
          const rows = offsets.map((o) => `["${formatTime(begin + BigInt(o))}",${o}]`);
          expect(await text([{ statement: 0, tables: [one] }])).to.include(`"values":[${rows.join(',')}]`);
        },
      ),
    );
  });

  it('csv: a header per statement and per change of columns', async () => {
    const renamed = { ...more, columns: ['time', 'w'], tags: [['x y', 'a,b']] as [string, string][] };
    const answers: StatementAnswer[] = [
      { statement: 0, tables: [two, other, renamed] },
      { statement: 1, error: 'no, "never"' },
      { statement: 2, tables: [] },
      { statement: 3, tables: [other] },
    ];
    expect(await text(answers, { format: 'csv', epoch: 'ms' })).to.equal(
      `name,tags,time,v
cpu,host=a,1700000000000,1.5
cpu,host=a,1700000001000,
cpu,host=b,1700000000000,-0

name,tags,time,w
cpu,"x\\ y=a\\,b",1700000002000,3

error
"no, ""never"""

name,tags,time,v
cpu,host=b,1700000000000,-0
`.replace('1700000001000,\n', '1700000001000,NaN\n'),
    );
  });

  it('ndjson: a line a row', async () => {
    const lines = await text(
      [
        { statement: 0, tables: [two] },
        { statement: 1, error: 'no' },
      ],
      { format: 'ndjson', epoch: 's' },
    );
    expect(lines).to.equal(
      '{"statement_id":0,"name":"cpu","tags":{"host":"a"},"row":{"time":1700000000,"v":1.5}}\n' +
        '{"statement_id":0,"name":"cpu","tags":{"host":"a"},"row":{"time":1700000001,"v":null}}\n' +
        '{"statement_id":1,"error":"no"}\n',
    );
  });

  it('msgpack: the shape of the json answer', async () => {
    const [answer] = readMsgpack(await whole([{ statement: 0, tables: [more, other] }], { format: 'msgpack' }));
    expect(answer).to.deep.equal({
      results: [
        {
          statement_id: 0n,
          series: [
            {
              name: 'cpu',
              tags: { host: 'a' },
              columns: ['time', 'v'],
              values: [[{ time: BASE + 2_000_000_000n }, 3]],
            },
            { name: 'cpu', tags: { host: 'b' }, columns: ['time', 'v'], values: [[{ time: BASE }, -0]] },
          ],
        },
      ],
    });
  });

  it('leaves in pieces of bounded size', async () => {
    const rows = 20_000;
    const big = table(
      null,
      Array.from({ length: rows }, (_, i) => i * 1e6),
      Array.from({ length: rows }, (_, i) => i),
    );
    for (const format of ['json', 'csv', 'ndjson', 'msgpack'] as const) {
      let pieces = 0;
      for await (const piece of encodeAnswer([{ statement: 0, tables: [big] }], options({ format }))) {
        pieces++;
        expect(piece.length).to.be.lessThan(256 * 1024);
      }
      expect(pieces).to.be.greaterThan(3);
    }
  });

  it('live members: parse to the frames of the protocol', () => {
    const rows = encodeRowsMembers(
      { phase: 'live', final: true, rev: 2, tables: [two, more, other], cursor: 'c"1' },
      'ms',
    );
    expect(frame(rows)).to.deep.equal({
      phase: 'live',
      final: true,
      rev: 2,
      series: [
        {
          name: 'cpu',
          tags: { host: 'a' },
          columns: ['time', 'v'],
          values: [
            [1700000000000, 1.5],
            [1700000001000, null],
            [1700000002000, 3],
          ],
        },
        { name: 'cpu', tags: { host: 'b' }, columns: ['time', 'v'], values: [[1700000000000, -0]] },
      ],
      cursor: 'c"1',
    });
    const none = encodeRowsMembers({ phase: 'snapshot', final: false, rev: 0, tables: [], cursor: '' }, null);
    expect(frame(none)).to.deep.equal({ phase: 'snapshot', final: false, rev: 0, series: [], cursor: '' });
    const time = { type: 'time', base: BASE, offsets: new Float64Array(1) } as const;
    const gone = { name: 'cpu', tags: [['host', 'a']] as const, columns: ['time'], rows: 1, data: [time] };
    expect(frame(encodeDeleteMembers([gone], null, 'ms', 'c'))).to.deep.equal({
      series: [encodeRowKey('cpu', { host: 'a' }, 1700000000000)],
      cursor: 'c',
    });
    expect(frame(encodeDeleteMembers([], BASE, null, 'c'))).to.deep.equal({
      series: [],
      from: '2023-11-14T22:13:20Z',
      cursor: 'c',
    });
    expect(frame(encodeProgressMembers(BASE, null, 'c'))).to.deep.equal({
      watermark: '2023-11-14T22:13:20Z',
      cursor: 'c',
    });
    expect(frame(encodeProgressMembers(null, 's', 'c'))).to.deep.equal({ watermark: null, cursor: 'c' });
    expect(frame(encodeErrorMembers('busy', 'later', 3))).to.deep.equal({ code: 'busy', message: 'later', at: 3 });
  });

  it('live members: name a series once where it has a number', () => {
    const numbers = new SeriesNumbers();
    const emission = { phase: 'live' as const, final: false, rev: 0, cursor: 'c' };
    const named = frame(encodeRowsMembers({ ...emission, tables: [two, more, other] }, 'ms', numbers));
    expect(named).to.deep.include({
      series: [
        {
          ref: 0,
          name: 'cpu',
          tags: { host: 'a' },
          columns: ['time', 'v'],
          values: [
            [1700000000000, 1.5],
            [1700000001000, null],
          ],
        },
        { ref: 1, name: 'cpu', tags: { host: 'b' }, columns: ['time', 'v'], values: [[1700000000000, -0]] },
      ],
      refs: [[0, 1700000002000, 3]],
    });
    const wider: ResultTable = { ...other, columns: ['time', 'w'] };
    const later = frame(encodeRowsMembers({ ...emission, tables: [other, wider] }, 'ms', numbers));
    expect(later).to.deep.include({
      series: [{ ref: 2, name: 'cpu', tags: { host: 'b' }, columns: ['time', 'w'], values: [[1700000000000, -0]] }],
      refs: [[1, 1700000000000, -0]],
    });
    expect(frame(encodeSeriesMembers(1, numbers.heads.slice(1)))).to.deep.equal({
      from: 1,
      series: [
        { name: 'cpu', tags: { host: 'b' }, columns: ['time', 'v'] },
        { name: 'cpu', tags: { host: 'b' }, columns: ['time', 'w'] },
      ],
    });
  });
});

// private functions

function time(offsets: number[], base = BASE): ResultColumn {
  return { type: 'time', base, offsets: Float64Array.from(offsets) };
}

function wholes(values: number[]): ResultColumn {
  return { type: 'integer', values: Float64Array.from(values), present: null };
}

function floats(values: number[]): ResultColumn {
  return { type: 'float', values: Float64Array.from(values), present: null };
}

function table(tags: [string, string][] | null, offsets: number[], values: number[]): ResultTable {
  return { name: 'cpu', tags, columns: ['time', 'v'], rows: offsets.length, data: [time(offsets), floats(values)] };
}

function options(given: Partial<AnswerOptions>): AnswerOptions {
  return { format: 'json', epoch: null, pretty: false, chunkRows: 0, ...given };
}

async function whole(answers: StatementAnswer[], given: Partial<AnswerOptions> = {}): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeAnswer(answers, options(given))) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function text(answers: StatementAnswer[], given: Partial<AnswerOptions> = {}): Promise<string> {
  return new TextDecoder().decode(await whole(answers, given));
}

function jsonLines(bytes: Uint8Array): unknown[] {
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function frame(members: Uint8Array): unknown {
  return JSON.parse(`{${new TextDecoder().decode(members)}}`);
}
