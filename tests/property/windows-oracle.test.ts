/**
 * All kinds of windows over history against an oracle that asks every point of every window: random points with ties, gaps and absent
 * fields, before and after the epoch, in zones whose clocks change, over several shards and block sizes. And what must hold between
 * kinds: hop(n, n) is time(n), the last of cumulate is time(size), sums of minutes summed by the hour are sums by the hour.
 */
import { expect } from 'chai';
import type { PinnableSource } from '../../query/index.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { closeStores, sourcesOf } from '../support/store-states.ts';
import { type OracleWindow, oracleRows, type Point } from '../support/window-oracle.ts';
import type { Row } from '../unit/query/support/array-source.ts';
import { ask } from '../unit/query/support/ask.ts';

const RUNS = 40;
const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;
/** Moments around which points are put: the epoch, and changes of clocks in March and October 2019. */
const CENTRES = [0n, 1553994000n * SECOND, 1572138000n * SECOND];
const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'];
const COLUMNS = 'count(v), sum(v), min(v), max(i), mean(v), median(v)';

interface Case {
  readonly text: string;
  readonly window: OracleWindow;
  readonly zone: string | null;
}

describe('windows = oracle', () => {
  const seed = seedOfRun();
  afterEach(closeStores);

  it(`of time, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) await checkCase(new Random(seed + run), timeCase);
  });

  it(`of time in zones whose clocks change, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) await checkCase(new Random(seed + run), localCase);
  });

  it(`of rows, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) await checkCase(new Random(seed + run), rowCase);
  });

  it(`hop(n, n) = time(n), the last of cumulate = time(size), windows(a, b) = time(a) and time(b) (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const { shards } = await made(random, 30n * MINUTE);
      const [n, steps] = [random.between(1, 300), random.between(1, 9)];
      const rest = `FROM m WHERE time >= -1h AND time < 1h GROUP BY`;
      const fill = random.pick(['none', 'null', '7', 'previous', 'linear']);
      const size = n * steps;
      const of = (windows: string, fields = COLUMNS) =>
        ask(`SELECT ${fields} ${rest} ${windows} fill(${fill})`, shards);
      const whole = await of(`time(${n}s), host`);
      expect(await of(`hop(${n}s, ${n}s), host`)).to.deep.equal(whole);
      const several = await of(`windows(time(${size}s), time(${n}s)), host`);
      const single = await of(`time(${size}s), host`);
      const label = (text: string) => text.slice(0, text.indexOf('"columns"'));
      expect(new Set(several.map((series) => label(JSON.stringify(series)))).size).to.equal(several.length);
      const columnsOnly = (series: typeof whole) => series.map(({ values }) => values);
      if (steps > 1) expect(columnsOnly(several)).to.deep.equal(columnsOnly([...single, ...whole]));
      if (fill !== 'none') continue;
      const cumulated = await of(`cumulate(${size}s, ${n}s), host`);
      expect(cumulated.map((series) => ({ ...series, values: lastOfEach(series.values) }))).to.deep.equal(single);
    }
  });

  it(`sums over 1m grouped to 1h = sums over 1h (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const { shards } = await made(new Random(seed + run), 5n * HOUR);
      const inner = 'SELECT sum(v) AS s FROM m WHERE time >= -5h AND time < 5h GROUP BY time(1m), host fill(none)';
      const outer = await ask(`SELECT sum(s) FROM (${inner}) GROUP BY time(1h), host fill(none)`, shards);
      const direct = 'SELECT sum(v) FROM m WHERE time >= -5h AND time < 5h GROUP BY time(1h), host fill(none)';
      expect(outer).to.deep.equal(await ask(direct, shards));
    }
  });
});

// private functions

async function checkCase(random: Random, caseOf: (random: Random) => Case & { readonly span: bigint }): Promise<void> {
  const { text, window, zone, span } = caseOf(random);
  const centre = zone === null ? random.pick(CENTRES) : random.pick(CENTRES.slice(1));
  const { points, shards } = await made(random, span, centre);
  const byHost = random.next() < 0.5;
  const min = centre - (span * 9n) / 10n;
  const max = centre + (span * 9n) / 10n;
  const where = `WHERE time >= ${min} AND time <= ${max}`;
  const q = `SELECT _start, _end, _count, ${COLUMNS} FROM m ${where} GROUP BY ${text}${byHost ? ', host' : ''} fill(none)`;
  const asked = zone === null ? q : `${q} tz('${zone}')`;
  const grouped = byHost ? points : points.map((point) => ({ ...point, group: '' }));
  const wanted = [...oracleRows(grouped, { window, zone, min, max }).values()];
  const found = (await ask(asked, shards)).map(({ values }) => values.map(([, ...row]) => row));
  const short = (rows: readonly unknown[][]) => rows.map((row) => row.map((value) => `${value}`));
  expect(found.map(short), asked).to.deep.equal(wanted.map((rows) => short(rows.map(([, ...row]) => row))));
}

function timeCase(random: Random): Case & { readonly span: bigint } {
  const span = 20n * MINUTE;
  const some = (): number => random.between(1, 400);
  if (random.next() < 0.3) {
    const [step, steps] = [some(), random.between(1, 12)];
    const window = { of: 'cumulate', size: BigInt(step * steps) * SECOND, step: BigInt(step) * SECOND } as const;
    return { text: `cumulate(${step * steps}s, ${step}s)`, window, zone: null, span };
  }
  const [size, every] = [some(), some()];
  const offset = random.next() < 0.5 ? 0 : random.between(1, 500);
  const window = {
    of: 'hop',
    size: BigInt(size) * SECOND,
    every: BigInt(every) * SECOND,
    offset: BigInt(offset) * SECOND,
  } as const;
  return { text: `hop(${size}s, ${every}s${offset > 0 ? `, ${offset}s` : ''})`, window, zone: null, span };
}

function localCase(random: Random): Case & { readonly span: bigint } {
  const zone = random.pick(ZONES);
  const kind = random.next();
  if (kind < 0.3) {
    const [text, months] = random.pick([
      ['1mo', 1],
      ['2mo', 2],
      ['1q', 3],
      ['1y', 12],
    ] as const);
    return { text: `time(${text})`, window: { of: 'months', months }, zone, span: 500n * DAY };
  }
  const span = 6n * DAY;
  if (kind < 0.5)
    return { text: 'cumulate(1d, 6h)', window: { of: 'cumulate', size: DAY, step: 6n * HOUR }, zone, span };
  const [size, every] = [random.between(1, 4), random.between(1, 3)];
  const half = random.next() < 0.5;
  const window = {
    of: 'hop',
    size: BigInt(size) * DAY + (half ? 12n * HOUR : 0n),
    every: BigInt(every) * DAY,
  } as const;
  return { text: `hop(${size * 24 + (half ? 12 : 0)}h, ${every}d)`, window, zone, span };
}

function rowCase(random: Random): Case & { readonly span: bigint } {
  const span = 10n * MINUTE;
  const seconds = random.between(1, 90);
  const of = (text: string, window: OracleWindow) => ({ text, window, zone: null, span });
  switch (random.between(0, 4)) {
    case 0: {
      const longest = random.next() < 0.5 ? null : random.between(1, 300);
      const edges = random.next() < 0.5 ? null : ([random.between(0, 90), random.between(10, 100)] as const);
      const conditions = edges === null ? '' : `, v > ${edges[0]}, v < ${edges[1]}`;
      const text = `session(${seconds}s${longest === null ? '' : `, ${longest}s`}${conditions})`;
      const most = longest === null ? null : BigInt(longest) * SECOND;
      return of(text, { of: 'session', gap: BigInt(seconds) * SECOND, longest: most, edges });
    }
    case 1:
      return of('state("s")', { of: 'state' });
    case 2: {
      const [start, end] = [random.between(0, 90), random.between(10, 100)];
      return of(`event(v > ${start}, v < ${end})`, { of: 'event', start, end });
    }
    case 3: {
      const [size, every] = [random.between(1, 9), random.between(1, 9)];
      return of(`rows(${size}, ${every})`, { of: 'rows', size, every });
    }
    default:
      return of(`sliding(${seconds}s)`, { of: 'sliding', size: BigInt(seconds) * SECOND });
  }
}

/** Points within `span` of a centre, and two shards that hold them. */
async function made(
  random: Random,
  span: bigint,
  centre = 0n,
): Promise<{ points: Point[]; shards: readonly PinnableSource[] }> {
  const points = new Map<string, Point>();
  const seconds = Number(span / SECOND);
  let time = -seconds;
  for (let n = 0; n < 80; n++) {
    // some at one time, some close, some after a gap
    if (random.next() < 0.8) time += random.next() < 0.1 ? seconds / 4 : (random.next() * seconds) / 20;
    if (time > seconds) time = -seconds + (time - seconds);
    const group = random.pick(['a', 'b', 'c']);
    const zone = random.pick(['x', 'y']);
    const at = centre + BigInt(Math.floor(time)) * SECOND;
    const series = `host=${group},zone=${zone}`;
    points.set(`${series} ${at}`, {
      time: at,
      series,
      group,
      v: random.next() < 0.8 ? random.between(0, 400) / 4 : null,
      i: random.next() < 0.5 ? random.between(-50, 50) : null,
      s: random.next() < 0.5 ? random.pick(['up', 'down', 'slow']) : null,
    });
  }
  const rowsPerBlock = random.between(1, 50);
  const all = [...points.values()].filter(({ v, i, s }) => v !== null || i !== null || s !== null);
  const rows = all.map(rowFrom);
  const split = [0, 1].map((shard) =>
    rows.filter((_, n) => (all[n].series.length + all[n].group.charCodeAt(0)) % 2 === shard),
  );
  return { points: all, shards: await sourcesOf(random, split, rowsPerBlock) };
}

function rowFrom({ time, series, v, i, s }: Point): Row {
  const tags = series.split(',').map((tag) => tag.split('=') as [string, string]);
  return {
    measurement: 'm',
    tags,
    time,
    fields: {
      ...(v !== null && { v: { type: 'float' as const, value: v } }),
      ...(i !== null && { i: { type: 'integer' as const, value: i } }),
      ...(s !== null && { s: { type: 'string' as const, value: s } }),
    },
  };
}

/** Of rows of one time, the last. */
function lastOfEach<T extends readonly unknown[]>(rows: readonly T[]): T[] {
  return rows.filter((row, n) => rows[n + 1]?.[0] !== row[0]);
}
