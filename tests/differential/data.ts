/**
 * The points that both servers get: every awkward shape of data on purpose, the values by seed. All lie within one day of January
 * 2024, but for those of `ages`; so a statement without bounds of time has the same points on both. What InfluxDB is known to answer
 * badly (sums past every float) has a measurement of its own, so that it is asked about seldom and the rest is compared.
 */
import type { Random } from '../support/random.ts';

/** 2024-01-10T00:00:00Z, in the middle of a shard week of InfluxDB. */
export const START = 1_704_844_800n * 1_000_000_000n;
export const SECOND = 1_000_000_000n;
export const MINUTE = 60n * SECOND;
/** How long the measurements of the grid go on. */
export const SPAN = 30n * MINUTE;

export interface MeasurementShape {
  readonly name: string;
  readonly tags: readonly string[];
  /** Values that stand in the data, and some that do not. */
  readonly tagValues: readonly string[];
  readonly fields: Readonly<Record<string, 'float' | 'integer' | 'boolean' | 'string'>>;
}

/** Longer than any buffer that a name may be read into. */
export const LONG_NAME = `long_${'näme_'.repeat(50)}`;

/** What statements are made of. Names that need quotes are quoted by whoever writes them. */
export const SHAPES: readonly MeasurementShape[] = [
  {
    name: 'cpu',
    tags: ['host', 'region'],
    tagValues: ['a', 'b', 'c', 'eu', 'us', 'ab', 'none', ''],
    fields: { usage: 'float', idle: 'integer', ok: 'boolean', note: 'string' },
  },
  { name: 'mem', tags: ['host'], tagValues: ['a', 'b', 'x'], fields: { used: 'integer', free: 'float' } },
  {
    name: 'odd näme, ü',
    tags: ['tág', 'host'],
    tagValues: ['größe', 'a b', '日本', "it's", 'a,b', 'x=y'],
    fields: { 'fïeld one': 'float', host: 'string', n: 'integer' },
  },
  {
    name: 'huge',
    tags: ['k'],
    tagValues: ['1', '2'],
    fields: { f: 'float', i: 'integer', small: 'integer' },
  },
  { name: 'edge', tags: ['k'], tagValues: ['1', '2'], fields: { f: 'float', i: 'integer' } },
  { name: 'lone', tags: [], tagValues: [], fields: { v: 'float', s: 'string', b: 'boolean' } },
  { name: 'one', tags: ['host'], tagValues: ['a'], fields: { v: 'integer' } },
  { name: 'steps', tags: ['k'], tagValues: ['up', 'flat', 'saw'], fields: { v: 'float', n: 'integer' } },
  { name: 'ages', tags: [], tagValues: [], fields: { v: 'float' } },
  {
    name: 'select',
    tags: ['from', 'where'],
    tagValues: ['select', 'SELECT', 'true', '5', 'now()', '*'],
    fields: { group: 'float', limit: 'integer', fill: 'boolean' },
  },
  {
    name: 'q"uo\\te=d\'s',
    tags: ['k=1', 'q"'],
    tagValues: ['"in"', 'c:\\dir', 'a=b', "'s", 'ö"\\x', '{}', 'ﬀ🙂'],
    fields: { 'v"1': 'float', 'w=2': 'integer', "s\\3's": 'string' },
  },
  {
    name: LONG_NAME,
    tags: [`tag_${LONG_NAME}`],
    tagValues: [`${LONG_NAME}1`, 'x'],
    fields: { [`f_${LONG_NAME}`]: 'integer' },
  },
  {
    name: 'flags',
    tags: ['g'],
    tagValues: ['x', 'y'],
    fields: { a: 'integer', b: 'integer', p: 'boolean', q: 'boolean', u: 'float' },
  },
  { name: 'dst', tags: ['z'], tagValues: ['1', '2'], fields: { v: 'integer', w: 'float' } },
];

/** Lines of line protocol, in a shuffled order, some twice with other values. */
export function makeLines(random: Random): string[] {
  const lines = [...cpu(random), ...mem(random), ...odd(random), ...lone(random), ...steps(random)];
  lines.push(...huge(random), ...edge(random));
  lines.push(`one,host=a v=7i ${START + 5n * MINUTE}`);
  for (const year of [-20n, -1n, 0n, 1n, 31n, 200n]) lines.push(`ages v=${year} ${year * 31_536_000n * SECOND}`);
  // in the shard week of the grid, outside of it: without it InfluxDB knows no type of the field in most of what is asked
  lines.push(`ages v=-54 ${START + 2_880n * MINUTE}`);
  return [...lines, ...keywords(random), ...quoted(random), ...long(random), ...flags(random), ...changes(random)];
}

// private functions

/** Names that are words of the language. */
function keywords(random: Random): string[] {
  return Array.from({ length: 40 }, (_, i) => {
    const tags = `from=${random.pick(['select', 'SELECT', 'true', '5'])}${random.next() < 0.5 ? `,where=${random.pick(['now()', '*'])}` : ''}`;
    return `select,${tags} group=${float(random)},limit=${random.between(-3, 9)}i,fill=${random.next() < 0.5} ${START + BigInt(i) * 40n * SECOND}`;
  });
}

/** Names and values with everything that must be escaped somewhere: in line protocol, in a statement, or in JSON. */
function quoted(random: Random): string[] {
  const values = ['"in"', 'c:\\dir', 'a\\=b', "'s", 'ö"\\x', '{}', 'ﬀ🙂'];
  return Array.from({ length: 40 }, (_, i) => {
    const tags = `k\\=1=${random.pick(values)},q"=${random.pick(values)}`;
    const text = random.pick(['two\nlines', 'tab\t', '\\"in\\"', 'c:\\\\dir', "'", '🙂']);
    return `q"uo\\te=d's,${tags} v"1=${float(random)},w\\=2=${random.between(-9, 9)}i,s\\3's="${text}" ${START + BigInt(i) * 40n * SECOND}`;
  });
}

function long(random: Random): string[] {
  return Array.from({ length: 12 }, (_, i) => {
    return `${LONG_NAME},tag_${LONG_NAME}=${random.pick([`${LONG_NAME}1`, 'x'])} f_${LONG_NAME}=${random.between(0, 9)}i ${START + BigInt(i) * 120n * SECOND}`;
  });
}

/** Small whole numbers around zero, and truths: for what is computed of bits and remainders. */
function flags(random: Random): string[] {
  const lines: string[] = [];
  for (let i = 0; i < 60; i++) {
    for (const g of ['x', 'y']) {
      if (random.next() < 0.2) continue;
      const fields = [`a=${random.between(-8, 8)}i`, `p=${random.next() < 0.5}`];
      if (random.next() < 0.7) fields.push(`b=${random.between(-3, 3)}i`);
      if (random.next() < 0.7) fields.push(`q=${random.next() < 0.5}`);
      if (random.next() < 0.7) fields.push(`u=${random.between(-40, 40) / 8}`);
      lines.push(`flags,g=${g} ${fields.join(',')} ${START + BigInt(i) * 30n * SECOND}`);
    }
  }
  return lines;
}

/** Around the days on which clocks change, in the north and in the south. */
function changes(random: Random): string[] {
  const hour = 60n * MINUTE;
  const days = ['2024-03-10', '2024-03-31', '2024-04-07', '2024-10-06', '2024-10-27', '2024-11-03'];
  return days.flatMap((day) => {
    const noon = BigInt(Date.parse(day)) * 1_000_000n + 12n * hour;
    return Array.from({ length: 48 }, (_, i) => {
      const time = noon + BigInt(i - 24) * hour + BigInt(random.between(0, 3_599)) * SECOND;
      return `dst,z=${random.between(1, 2)} v=${i}i,w=${float(random)} ${time}`;
    });
  });
}

/** Ties over series at every step, sparse fields, series that come and go, a tag that some series lack. */
function cpu(random: Random): string[] {
  const lines: string[] = [];
  const series = ['host=a,region=eu', 'host=b,region=us', 'host=a,region=us', 'host=c', 'region=eu', ''];
  for (let t = 0n; t < SPAN; t += 10n * SECOND) {
    for (const [s, tags] of series.entries()) {
      if (s === 3 && (t < 10n * MINUTE || t > 12n * MINUTE)) continue;
      if (s === 1 && t > 15n * MINUTE && t < 20n * MINUTE) continue;
      if (random.next() < 0.3) continue;
      const fields: string[] = [];
      if (random.next() < 0.8) fields.push(`usage=${float(random)}`);
      if (random.next() < 0.6) fields.push(`idle=${random.between(-5, 100)}i`);
      if (random.next() < 0.3) fields.push(`ok=${random.next() < 0.5}`);
      if (random.next() < 0.3) fields.push(`note="${random.pick(['x', 'yy', 'ä\\"q', 'error: disk', '', 'Error 7'])}"`);
      if (fields.length === 0) continue;
      lines.push(`cpu${tags === '' ? '' : `,${tags}`} ${fields.join(',')} ${START + t}`);
    }
  }
  return lines;
}

/** Irregular times down to the nanosecond, overwritten points. */
function mem(random: Random): string[] {
  const lines: string[] = [];
  for (const host of ['a', 'b']) {
    let time = START;
    for (let i = 0; i < 120; i++) {
      time += BigInt(random.between(1, 30_000_000_000));
      lines.push(`mem,host=${host} used=${random.between(0, 2_000_000_000)}i,free=${float(random)} ${time}`);
      if (i % 10 === 0) lines.push(`mem,host=${host} used=${random.between(0, 9)}i ${time}`);
    }
  }
  return lines;
}

function odd(random: Random): string[] {
  const lines: string[] = [];
  const values = ['größe', 'a\\ b', '日本', "it's", 'a\\,b', 'x\\=y'];
  for (let i = 0; i < 60; i++) {
    const tag = random.pick(values);
    const host = random.next() < 0.5 ? ',host=tagged' : '';
    const fields = `fïeld\\ one=${float(random)},n=${random.between(-3, 3)}i${random.next() < 0.5 ? ',host="field"' : ''}`;
    lines.push(`odd\\ näme\\,\\ ü,tág=${tag}${host} ${fields} ${START + BigInt(random.between(0, 1_799)) * SECOND}`);
  }
  return lines;
}

/** Large and small, but so that their sums and squares are numbers and do not cancel out; `edge` has those beyond. */
function huge(random: Random): string[] {
  const floats = [
    '1e150',
    '-6.7890123e149',
    '1e-300',
    '-0',
    '9.87654321e120',
    '5e-324',
    '123456789012345680000',
    '1e21',
  ];
  const integers = ['36028797018963969i', '-9007199254740993i', '9007199254740993i', '-1i', '0i'];
  return extremes(random, 'huge', floats, integers);
}

/** What passes every limit as soon as something is computed of it. */
function edge(random: Random): string[] {
  const floats = ['1e300', '-1e300', '1.7976931348623157e308', '-0', '1e21'];
  const integers = ['9223372036854775807i', '-9223372036854775808i', '9007199254740993i', '-1i', '0i'];
  return extremes(random, 'edge', floats, integers);
}

function extremes(random: Random, name: string, floats: readonly string[], integers: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < 40; i++) {
    const fields = `f=${random.pick(floats)},i=${random.pick(integers)},small=${random.between(-4, 4)}i`;
    lines.push(`${name},k=${random.between(1, 2)} ${fields} ${START + BigInt(i) * 45n * SECOND}`);
  }
  return lines;
}

function lone(random: Random): string[] {
  const lines: string[] = [];
  for (let i = 0; i < 50; i++) {
    const time = START + BigInt(random.between(0, 1_700)) * SECOND + BigInt(random.between(0, 999));
    lines.push(`lone v=${float(random)},s="${random.pick(['on', 'off'])}",b=${random.next() < 0.5} ${time}`);
  }
  return lines;
}

/** Counters, constants and sawteeth with equal values: ties of values. */
function steps(random: Random): string[] {
  const lines: string[] = [];
  for (let i = 0; i < 90; i++) {
    const time = START + BigInt(i) * 20n * SECOND;
    lines.push(`steps,k=up v=${i / 2},n=${i}i ${time}`, `steps,k=saw v=${i % 7},n=${(i * 3) % 11}i ${time}`);
    if (random.next() < 0.7) lines.push(`steps,k=flat v=3,n=3i ${time}`);
  }
  return lines;
}

function float(random: Random): string {
  const kind = random.between(0, 9);
  if (kind < 3) return String(random.between(-20, 100));
  if (kind < 8) return String(random.between(-2_000, 10_000) / 100);
  return String(random.next() * 100);
}
