/** Parameters of requests: of the query string and of forms, and the few words that mean units or levels in them. */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { Precision } from '../../../model/index.ts';
import { type AckLevel, EngineError } from '../engine.ts';

/** InfluxDB's names of precisions, and both spellings of some. */
const PRECISIONS: Readonly<Record<string, Precision>> = {
  '': 'ns',
  n: 'ns',
  ns: 'ns',
  u: 'us',
  us: 'us',
  µ: 'us',
  ms: 'ms',
  s: 's',
  m: 'm',
  h: 'h',
};
const EPOCHS: Readonly<Record<string, Epoch>> = {
  n: 'ns',
  ns: 'ns',
  u: 'u',
  us: 'u',
  µ: 'u',
  ms: 'ms',
  s: 's',
  m: 'm',
  h: 'h',
};
/** InfluxDB's consistency levels as what a write waits for. */
const CONSISTENCY: Readonly<Record<string, AckLevel>> = { any: 'queued', one: 'disk', quorum: 'quorum', all: 'quorum' };
const ACKS: readonly string[] = ['none', 'queued', 'disk', 'quorum'];

export function readPrecision(text: string): Precision {
  if (Object.hasOwn(PRECISIONS, text)) return PRECISIONS[text];
  throw new EngineError('bad frame', `invalid precision "${text}" (use n, u, ms, s, m or h)`);
}

/** Precision of the v2 API, which knows fewer. */
export function readPrecisionV2(text: string): Precision {
  if (text === '') return 'ns';
  if (text === 'ns' || text === 'us' || text === 'ms' || text === 's') return text;
  throw new EngineError('bad frame', `invalid precision "${text}" (use ns, us, ms or s)`);
}

/** null where none was given; a word that is no unit means nanoseconds, as for InfluxDB. */
export function readEpoch(text: string | null): Epoch | null {
  const unit = text?.trim() ?? '';
  if (unit === '') return null;
  return Object.hasOwn(EPOCHS, unit) ? EPOCHS[unit] : 'ns';
}

/** `ack` counts before `consistency`; without both a write waits for the disk. */
export function readAck(ack: string | null, consistency: string | null): AckLevel {
  if (ack !== null && ack !== '') {
    if (ACKS.includes(ack)) return ack as AckLevel;
    throw new EngineError('bad frame', `invalid ack "${ack}" (use ${ACKS.join(', ')})`);
  }
  if (consistency === null || consistency === '') return 'disk';
  const level = consistency.toLowerCase();
  if (Object.hasOwn(CONSISTENCY, level)) return CONSISTENCY[level];
  throw new EngineError('bad frame', 'invalid consistency level');
}

export function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1';
}
