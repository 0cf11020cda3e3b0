/** Random streams of points for live queries: disorder below LATENESS, ties, overwrites, gaps, and time that passes. */
import type { Row } from '../unit/query/support/array-source.ts';
import { type LiveText, NOW_NS, type Schema } from './live-texts.ts';
import type { Random } from './random.ts';

/** The stream begins so long before the clock, s. */
const BEGIN = 400;
/** Points come at most so late, ms: 20 s below LATENESS are the clock's part. */
const BEHIND_MAX = 40_000;

export const SCHEMA: Schema = {
  m: { fields: { v: 'float', i: 'integer', s: 'string' }, tagKeys: ['host', 'zone'] },
};

export interface Step {
  readonly rows: readonly Row[];
  readonly passMs: number;
}

export function scheduleOf(random: Random): Step[] {
  let greatest = -BEGIN * 1000;
  return Array.from({ length: random.between(5, 25) }, () => {
    greatest += random.pick([500, 3_000, 20_000]) * random.next();
    const rows = Array.from({ length: random.between(1, 5) }, (_, n) => {
      const behind = n === 0 || random.next() < 0.5 ? 0 : random.between(0, BEHIND_MAX);
      const ms = Math.floor((greatest - behind) / 1000) * 1000;
      return rowOf(random, NOW_NS + BigInt(ms) * 1_000_000n);
    });
    return { rows, passMs: random.pick([0, 0, 30, 500, 1000, 2500]) };
  });
}

export function play(live: LiveText, schedule: readonly Step[]): void {
  for (const { rows, passMs } of schedule) {
    live.write(...rows);
    if (passMs > 0) live.pass(passMs);
  }
}

/** The same, five steps at a time; for two parts in `odds` its client is away, one of these times its operators are killed too. */
export function playApart(live: LiveText, schedule: readonly Step[], random: Random, odds: number): void {
  for (let from = 0; from < schedule.length; from += 5) {
    const part = schedule.slice(from, from + 5);
    const what = random.between(1, odds);
    if (what <= odds - 2) play(live, part);
    else live.reconnect(what === odds, () => play(live, part));
  }
}

// private functions

function rowOf(random: Random, time: bigint): Row {
  const some = <T>(chance: number, value: T): T[] => (random.next() < chance ? [value] : []);
  const fields = [
    ...some(0.8, ['v', { type: 'float' as const, value: random.between(0, 400) / 4 }] as const),
    ...some(0.5, ['i', { type: 'integer' as const, value: random.between(-50, 50) }] as const),
    ['s', { type: 'string' as const, value: random.pick(['up', 'down', 'slow']) }] as const,
  ];
  const kept = fields.filter(([name]) => name !== 's' || random.next() < 0.5);
  return {
    measurement: 'm',
    tags: [
      ['host', random.pick(['a', 'b', 'c'])],
      ['zone', random.pick(['x', 'y'])],
    ],
    time,
    fields: Object.fromEntries(kept.length === 0 ? fields.slice(-1) : kept),
  };
}
