/** Statements about time: every form of a literal in every comparison, zones over the days on which clocks change, windows with offsets. */
import type { Random } from '../support/random.ts';
import { START } from './data.ts';
import { type Kind, SELDOM } from './statement-parts.ts';

export const TIME_KINDS: readonly Kind[] = [
  { name: 'times', weight: 3, make: (random) => ({ q: times(random) }) },
  { name: 'zones', weight: 2, make: (random) => ({ q: zones(random) }) },
  { name: 'offsets', weight: 2, make: (random) => ({ q: offsets(random) }) },
];

// private functions

function times(random: Random): string {
  const at = (): string => literal(random, START + BigInt(random.between(-600, 2_400)) * 1_000_000_000n);
  const operator = (): string => random.pick(['<', '<=', '>', '>=', '<', '>=', '=', '!=', '<>']);
  const one = (): string => (random.next() < 0.7 ? `time ${operator()} ${at()}` : `${at()} ${operator()} time`);
  const list = random.pick(['v', 'count(v)', '*', 'first(v), last(n)']);
  const where = random.pick([
    one(),
    `${one()} AND ${one()}`,
    `${one()} AND ${one()} AND ${one()}`,
    `(${one()}) AND k = 'up'`,
    `${one()} AND (${one()} AND v > 3)`,
    `${one()} OR ${one()}`,
    `(${one()} OR k = 'saw') AND ${one()}`,
    `k = 'up' AND ${one()} AND n != 3`,
    `time > ${at()} - ${random.pick(['1m', '90s', '1h', '1d', '1w', '500ms', '1u', '1ns', '5'])}`,
    `time < ${at()} + ${random.pick(['1m', '90s', '1h', '1d', '1w', '500ms', '1u', '1ns', '5', '1.5'])}`,
    `time > ${at()} - 1h + 5m`,
    `time > (${at()} - 1h) AND time < ${at()}`,
    `time < now() - ${random.pick(['1h', '1d', '52w', '0s', '1000000h'])} AND v > 2`,
    `time > now() - ${random.pick(['1m', '1h', '1d'])}`,
    `now() > time AND ${one()}`,
    `time = ${at()} AND k = 'up'`,
    `time::integer > 5`,
    `"time" > ${at()}`,
    `TIME > ${at()}`,
    `Time > 0 AND ${one()}`,
    `time > time`,
    `time + 1h > ${at()}`,
    `-5 < time`,
    `time =~ /x/`,
    `time > 2 * 3`,
    `time > 1h * 2`,
    `time >= ${START} AND time < ${START} + 10m * 2`,
  ]);
  return `SELECT ${list} FROM steps WHERE ${where}`;
}

function literal(random: Random, ns: bigint): string {
  const iso = new Date(Number(ns / 1_000_000n)).toISOString();
  const seconds = iso.slice(0, 19);
  const usual = [
    String(ns),
    `${ns / 1_000n}u`,
    `${ns / 1_000n}µ`,
    `${ns / 1_000_000n}ms`,
    `${ns / 1_000_000_000n}s`,
    `${ns / 60_000_000_000n}m`,
    `${ns / 3_600_000_000_000n}h`,
    `${ns / 86_400_000_000_000n}d`,
    `'${iso}'`,
    `'${seconds}Z'`,
    `'${seconds}.123456789Z'`,
    `'${seconds.replace('T', ' ')}'`,
    `'${seconds.replace('T', ' ')}.5'`,
    `'${seconds.replace('T', ' ')}.000000001'`,
    `'${seconds}+02:00'`,
    `'${seconds}-00:30'`,
    `'${iso.slice(0, 10)}'`,
    `'2024-01-10'`,
    `'${seconds.replace('T', ' ')}' + 1m`,
  ];
  const odd = [
    `'${iso.slice(0, 16).replace('T', ' ')}'`,
    `'${iso.slice(0, 16)}Z'`,
    `'${seconds}'`,
    `'${seconds} Z'`,
    `'${seconds}z'`,
    `'${iso.slice(0, 7)}'`,
    `'2024'`,
    `'2024-1-10'`,
    `'2024-02-30'`,
    `'2024-01-10 24:00:00'`,
    `'2024-01-10T00:00:60Z'`,
    `'0000-01-01'`,
    `'1677-09-21T00:12:43Z'`,
    `'2262-04-11 23:47:17'`,
    `'9999-12-31'`,
    `''`,
    `'now()'`,
    `' 2024-01-10'`,
    `'2024-01-10T00:05:00.Z'`,
    `'2024-01-10 00:05:00.1234567890'`,
    `-9223372036854775806`,
    `9223372036854775807`,
    `9223372036854775808`,
    `1e18`,
    `1704844800000000000.5`,
    `0`,
    `-1h`,
    `106752d`,
    `300000w`,
    `true`,
    `/x/`,
    `v`,
    `"2024-01-10"`,
  ];
  return random.pick(random.next() < 0.8 ? usual : odd);
}

const ZONES = [
  ...[
    'Europe/Berlin',
    'America/New_York',
    'America/St_Johns',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'Africa/Casablanca',
  ],
  ...[
    'Pacific/Apia',
    'Pacific/Chatham',
    'America/Sao_Paulo',
    'Asia/Tehran',
    'Antarctica/Troll',
    'Etc/GMT+5',
    'EST5EDT',
    'UTC',
    'GMT',
  ],
];
const NO_ZONES = [
  '',
  'local',
  'Local',
  'europe/berlin',
  'Europe',
  '+02:00',
  'Europe/Berlin ',
  '../etc/passwd',
  'CEST',
  'Nowhere',
];

/** Around a change of the clocks, in windows smaller and larger than the change. */
function zones(random: Random): string {
  const day = random.pick(['2024-03-10', '2024-03-31', '2024-04-07', '2024-10-06', '2024-10-27', '2024-11-03']);
  const noon = Date.parse(day) + 12 * 3_600_000;
  const spell = (hours: number): string => {
    const iso = new Date(noon + hours * 3_600_000).toISOString();
    return random.pick([`'${iso}'`, `'${iso.slice(0, 19).replace('T', ' ')}'`, `'${iso.slice(0, 10)}'`]);
  };
  const zone = random.pick(random.next() < 0.92 ? ZONES : NO_ZONES);
  const range = `time >= ${spell(random.between(-30, -5))} AND time < ${spell(random.between(2, 30))}`;
  const interval = random.pick(['30m', '1h', '2h', '6h', '12h', '1d', '2d', '1w', '45m', '7h']);
  const offset = random.pick(['', '', '', ', 1h', ', -90m', ', 1d', ', 15m']);
  const name = random.pick([
    'count(v)',
    'mean(w)',
    'last(v)',
    'max(w), count(v)',
    'sum(v)',
    'difference(last(v))',
    'top(v, 1)',
  ]);
  const of = /difference/.test(name) || random.next() < 0.3 ? ', z' : '';
  const filled = random.pick(['', '', ' fill(none)', ' fill(0)', ' fill(previous)', ' fill(linear)']);
  const order = random.next() < 0.3 ? ' ORDER BY time DESC' : '';
  const limit = random.next() < SELDOM && !name.startsWith('top') ? ' LIMIT 5' : '';
  return random.pick([
    `SELECT ${name} FROM dst WHERE ${range} GROUP BY time(${interval}${offset})${of}${filled}${order}${limit} tz('${zone}')`,
    `SELECT ${name} FROM dst WHERE ${range} GROUP BY time(${interval}${offset})${of}${filled}${order}${limit} tz('${zone}')`,
    `SELECT v FROM dst WHERE ${range}${order} tz('${zone}')`,
    `SELECT first(w), v FROM dst WHERE ${range} tz('${zone}')`,
    `SELECT mean(x) FROM (SELECT max(v) AS x FROM dst WHERE ${range} GROUP BY time(${interval})) tz('${zone}')`,
    ...(random.next() < SELDOM
      ? [`SELECT x FROM (SELECT max(v) AS x FROM dst WHERE ${range} GROUP BY time(${interval}) tz('${zone}'))`]
      : []),
    `SELECT count(v) FROM dst WHERE ${range} GROUP BY time(${interval}) tz(${random.pick([`"${zone}"`, zone, "'UTC', 'UTC'", '', '5'])})`,
  ]);
}

function offsets(random: Random): string {
  const interval = random.pick(['10s', '1m', '5m', '7m', '1h', '1d', '1w', '100ms', '333ms']);
  const offset = random.pick([
    ...['5s', '-5s', '1d', '-1d', '7h13s', '-100w', '106751d', '-106751d', '1ns', '-1ns', '0s', '10s', '-333ms', '1u'],
    ...[
      ...(random.next() < SELDOM / 3 ? ["'2024-01-10T00:00:07Z'", "'2024-01-10'"] : []),
      "'nonsense'",
      '5',
      '1.5',
      'true',
      'host',
      '-(5s)',
      '1s + 2s',
      '2 * 3s',
    ],
  ]);
  const from = START + BigInt(random.between(-600, 1_200)) * 1_000_000_000n;
  const isLong = /[hdw]/.test(interval);
  const to =
    from + BigInt(isLong ? 86_400 * 3 : random.between(1, interval.endsWith('ms') ? 30 : 900)) * 1_000_000_000n;
  const name = random.pick(['count(v)', 'mean(v)', 'last(n)', 'first(v), max(n)', 'spread(n)']);
  const filled = random.pick(['', ' fill(none)', ' fill(previous)', ' fill(7)', ' fill(linear)']);
  const tags = random.pick(['', ', k', ', *']);
  return `SELECT ${name} FROM steps WHERE time >= ${from} AND time <= ${to} GROUP BY time(${interval}, ${offset})${tags}${filled}`;
}
