/**
 * What people say of a measurement or of a series: unit, description, any JSON; and how a measurement's buckets should be cut. A
 * series is named by its tag set and need not exist yet. The first is a document of kind `metadata`, the second `measurement advice`.
 */
import {
  type CatalogueDocument,
  type DocumentId,
  type Documents,
  parseSeriesKey,
  seriesKey,
  type Tags,
} from '../../model/index.ts';
import { type Expression, printExpression, QueryError, type StatementOption } from '../../query/index.ts';
import type { CatalogueEdit } from './catalogue.ts';

/** A bucket's bytes: below it headers outweigh data; above it a cleaner's rewrite takes too long. */
const BUCKET_BYTES = { min: 64 * 1024, max: 1024 ** 3 };
/** A bucket's span, ns: a minute to 52 days, behind which an offset in a double is not exact any more. */
const BUCKET_WIDTH = { min: 60_000_000_000n, max: 52n * 86_400_000_000_000n, text: '1m to 52d' };
/** From a minute on, so that what is being written stays here; to some ten years: never. */
const TIER_AFTER = { min: 60_000_000_000n, max: 520n * 604_800_000_000_000n, text: '1m to 520w' };
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

export interface Metadata {
  readonly unit?: string;
  readonly description?: string;
  /** Any JSON. */
  readonly metadata?: unknown;
}

/** Not there = as the server thinks best. */
export interface Advice {
  readonly bucketBytes?: number;
  /** ns, as a text: JSON has no 64-bit integers. */
  readonly bucketWidth?: string;
  /** Age at which its buckets move to object storage, where there is one; as `bucketWidth`. */
  readonly tierAfter?: string;
}

export interface DescribedThing {
  readonly measurement: string;
  /** Canonical key; null = of the measurement itself. */
  readonly series: string | null;
}

export type Described = DescribedThing & Metadata & Advice;

const METADATA_KEYS = ['unit', 'description', 'metadata'];
const ADVICE_KEYS = ['bucket_bytes', 'bucket_width', 'tier_after'];

export function adviceOf(documents: Documents, database: string, measurement: string): Advice {
  return (documents.get({ kind: 'measurement advice', database, name: measurement })?.body ?? {}) as Advice;
}

/** Sorted by measurement, then series; a measurement comes before its series. `only` null = of all measurements. */
export function describedIn(documents: Documents, database: string, only: string | null): Described[] {
  const found = new Map<string, Described>();
  const add = (document: CatalogueDocument, thing: DescribedThing): void => {
    if (only !== null && thing.measurement !== only) return;
    const key = nameOf(thing);
    found.set(key, { ...thing, ...found.get(key), ...(document.body as Metadata & Advice) });
  };
  for (const document of documents.list('metadata', database)) add(document, thingOf(document.name));
  for (const document of documents.list('measurement advice', database)) {
    add(document, { measurement: document.name, series: null });
  }
  return [...found.keys()].sort().map((key) => found.get(key)!);
}

export function metadataOf(documents: Documents, database: string, thing: DescribedThing): Metadata {
  return (documents.get(metadataId(database, thing))?.body ?? {}) as Metadata;
}

/** In the place of all that was said before; nothing = it is taken back. */
export function describe(database: string, thing: DescribedThing, said: Metadata): CatalogueEdit {
  if (thing.measurement === '') throw new QueryError('invalid', 'measurement name required');
  const id = metadataId(database, thing);
  const body = Object.fromEntries(
    METADATA_KEYS.flatMap((key) => {
      const value = said[key as keyof Metadata];
      return value === undefined || value === null || value === '' ? [] : [[key, value]];
    }),
  );
  for (const key of ['unit', 'description']) {
    if (key in body && typeof body[key] !== 'string') throw new QueryError('invalid', `${key}: expected a text`);
  }
  return Object.keys(body).length === 0 ? { remove: [id] } : { put: [{ ...id, body }] };
}

/** `WITH (…)` of ALTER MEASUREMENT and, without advice, of ALTER SERIES; what is not named stays, an empty text takes back. */
export function alterDescribed(
  documents: Documents,
  database: string,
  thing: DescribedThing,
  options: readonly StatementOption[],
): CatalogueEdit {
  const keys = thing.series === null ? [...METADATA_KEYS, ...ADVICE_KEYS] : METADATA_KEYS;
  const said: Record<string, unknown> = { ...metadataOf(documents, database, thing) };
  const advice: { bucketBytes?: number; bucketWidth?: string; tierAfter?: string } = {
    ...adviceOf(documents, database, thing.measurement),
  };
  for (const { key, value } of options) {
    if (!keys.includes(key)) {
      throw new QueryError(
        'invalid',
        `unknown option "${key}": expected ${keys.slice(0, -1).join(', ')} or ${keys.at(-1)}`,
      );
    }
    const isTakenBack = value.kind === 'string' && value.value === '';
    if (key === 'bucket_bytes') advice.bucketBytes = isTakenBack ? undefined : readBytes(value);
    else if (key === 'bucket_width')
      advice.bucketWidth = isTakenBack ? undefined : String(readSpan(key, value, BUCKET_WIDTH));
    else if (key === 'tier_after') advice.tierAfter = readTierAfter({ key, value })?.toString();
    else said[key] = isTakenBack ? undefined : key === 'metadata' ? readJson(value) : readText(key, value);
  }
  const described = describe(database, thing, said);
  if (thing.series !== null) return described;
  const id: DocumentId = { kind: 'measurement advice', database, name: thing.measurement };
  const isAdvised = Object.values(advice).some((value) => value !== undefined);
  return {
    remove: [...(described.remove ?? []), ...(isAdvised ? [] : [id])],
    put: [...(described.put ?? []), ...(isAdvised ? [{ ...id, body: advice }] : [])],
  };
}

/** The tag set that `a = 'x' AND b = 'y'` names, as a canonical key. Throws QueryError on any other condition. */
export function seriesNamed(condition: Expression): string {
  const tags: [string, string][] = [];
  const walk = (part: Expression): void => {
    if (part.kind === 'parenthesis') walk(part.inner);
    else if (part.kind === 'binary' && part.operator === 'AND') {
      walk(part.left);
      walk(part.right);
    } else if (
      part.kind === 'binary' &&
      part.operator === '=' &&
      part.left.kind === 'reference' &&
      part.right.kind === 'string'
    ) {
      tags.push([part.left.name, part.right.value]);
    } else throw new QueryError('invalid', `a series is named by tag = 'value' AND …, not by ${printExpression(part)}`);
  };
  walk(condition);
  return canonicalSeries(tags);
}

/** Of a key as a client wrote it, tags in any order. Throws QueryError. */
export function seriesOfKey(text: string): string {
  const tags = parseSeriesKey(text);
  // the canonical text of the same tags has the same length
  if (
    text === '' ||
    tags.some(([key, value]) => key === '' || value === '') ||
    seriesKey(tags).length !== text.length
  ) {
    throw new QueryError('invalid', `series: expected tag=value,tag=value, got "${text}"`);
  }
  return canonicalSeries(tags);
}

/** The `tier_after` of an option, ns; null = it is taken back. Throws QueryError. */
export function readTierAfter({ key, value }: StatementOption): bigint | null {
  return value.kind === 'string' && value.value === '' ? null : readSpan(key, value, TIER_AFTER);
}

// private functions

function canonicalSeries(tags: Tags): string {
  if (new Set(tags.map(([key]) => key)).size < tags.length)
    throw new QueryError('invalid', 'a series has a tag only once');
  return seriesKey(tags);
}

function metadataId(database: string, thing: DescribedThing): DocumentId {
  return { kind: 'metadata', database, name: nameOf(thing) };
}

/** Measurement and series key do not hold a line break: it parts them, and sorts before other characters. */
function nameOf({ measurement, series }: DescribedThing): string {
  return series === null ? measurement : `${measurement}\n${series}`;
}

function thingOf(name: string): DescribedThing {
  const at = name.indexOf('\n');
  return at < 0 ? { measurement: name, series: null } : { measurement: name.slice(0, at), series: name.slice(at + 1) };
}

function readText(key: string, value: StatementOption['value']): string {
  if (value.kind === 'string') return value.value;
  throw new QueryError('invalid', `${key}: expected a text in quotes, got ${printExpression(value)}`);
}

function readJson(value: StatementOption['value']): unknown {
  try {
    return JSON.parse(readText('metadata', value));
  } catch (error) {
    if (error instanceof QueryError) throw error;
    throw new QueryError('invalid', `metadata: expected JSON in quotes: ${(error as Error).message}`);
  }
}

function readBytes(value: StatementOption['value']): number {
  const text = value.kind === 'integer' ? String(value.value) : readText('bucket_bytes', value);
  const [, digits, unit] = /^(\d{1,15})\s*([KMG]?B?)$/i.exec(text) ?? [];
  const bytes = digits === undefined ? NaN : Number(digits) * (SIZE_UNITS[unit.toUpperCase()] ?? NaN);
  if (bytes >= BUCKET_BYTES.min && bytes <= BUCKET_BYTES.max) return bytes;
  throw new QueryError('invalid', `bucket_bytes: expected 64KB to 1GB, got ${printExpression(value)}`);
}

function readSpan(key: string, value: StatementOption['value'], { min, max, text }: typeof BUCKET_WIDTH): bigint {
  const ns = value.kind === 'duration' ? value.ns : readDurationText(value);
  if (ns !== null && ns >= min && ns <= max) return ns;
  throw new QueryError('invalid', `${key}: expected a duration of ${text}, got ${printExpression(value)}`);
}

const WIDTH_UNITS: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

function readDurationText(value: StatementOption['value']): bigint | null {
  if (value.kind !== 'string' || !/^(\d{1,9}[smhdw])+$/.test(value.value)) return null;
  return [...value.value.matchAll(/(\d+)([smhdw])/g)].reduce(
    (sum, [, n, unit]) => sum + BigInt(n) * WIDTH_UNITS[unit],
    0n,
  );
}
