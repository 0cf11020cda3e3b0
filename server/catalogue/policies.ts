/**
 * Retention policies: how long the points of a database are kept, and how wide the spans are in which they go. The rules and texts are
 * InfluxDB's. A policy is a document; whether it is the default stands in its body, and at most one of a database is.
 */
import { type CatalogueDocument, type Documents, floorDiv } from '../../model/index.ts';
import { QueryError, type StatementOption } from '../../query/index.ts';
import type { CatalogueEdit } from './catalogue.ts';
import { readTierAfter } from './metadata.ts';

/** The policy that a database has where nothing else is said. */
export const AUTOGEN = 'autogen';

const HOUR = 3_600_000_000_000n;
const DAY = 24n * HOUR;
/** The least duration of a policy, and of its spans: shorter ones would be removed more often than they are looked at. */
const DURATION_MIN = HOUR;

export interface RetentionPolicy {
  readonly name: string;
  /** ns; 0 = for ever. */
  readonly duration: bigint;
  /** Width of the spans that expire as a whole, ns. */
  readonly shardDuration: bigint;
  /** Kept and shown; how many copies there are is the cluster's business. */
  readonly replication: number;
  readonly isDefault: boolean;
  /** Age at which buckets move to object storage, ns; null = as the server says. */
  readonly tierAfter: bigint | null;
}

/** What a statement says of a policy; null = not said. */
export interface PolicyClauses {
  readonly duration: bigint | null;
  readonly shardDuration: bigint | null;
  readonly replication: bigint | null;
  /** `WITH (tier_after = …)` */
  readonly options?: readonly StatementOption[];
}

const NOTHING_SAID: PolicyClauses = { duration: null, shardDuration: null, replication: null };

export function policiesOf(documents: Documents, database: string): RetentionPolicy[] {
  return documents.list('retention policy', database).map(policyOfDocument);
}

export function findPolicy(documents: Documents, database: string, name: string): RetentionPolicy | null {
  const document = documents.get({ kind: 'retention policy', database, name });
  return document === null ? null : policyOfDocument(document);
}

/** As findPolicy, for those who only need to know that it is there: queries ask each time. */
export function hasPolicy(documents: Documents, database: string, name: string): boolean {
  return documents.get({ kind: 'retention policy', database, name }) !== null;
}

export function policyOfDocument({ name, body }: CatalogueDocument): RetentionPolicy {
  const { duration, shardDuration, tierAfter, ...rest } = body as Body;
  const times = { duration: BigInt(duration), shardDuration: BigInt(shardDuration) };
  return { name, ...times, tierAfter: tierAfter === undefined ? null : BigInt(tierAfter), ...rest };
}

/** The policy meant where none is named; '' where the default was dropped. */
export function defaultPolicy(documents: Documents, database: string): string {
  return documents.list('retention policy', database).find(isDefaultDocument)?.name ?? '';
}

/** The policies of a new database: one, which is its default. Throws QueryError. */
export function firstPolicy(
  database: string,
  name: string | null,
  clauses: PolicyClauses = NOTHING_SAID,
): CatalogueEdit {
  refuseName(name);
  return { put: [toDocument(database, newPolicy(name ?? AUTOGEN, clauses, true))] };
}

/** CREATE DATABASE … WITH over a database that exists: nothing to do, or not what there is. */
export function assertFirstPolicy(
  documents: Documents,
  database: string,
  name: string | null,
  clauses: PolicyClauses,
): CatalogueEdit {
  if (policiesOf(documents, database).length === 0) return firstPolicy(database, name, clauses);
  refuseName(name);
  refuseDuration(clauses.duration ?? 0n);
  const there = findPolicy(documents, database, name ?? AUTOGEN);
  if (there === null || !there.isDefault || !isSaid(there, clauses)) throw new QueryError('invalid', CONFLICT);
  return {};
}

export function createPolicy(
  documents: Documents,
  database: string,
  name: string,
  { isDefault, ...clauses }: PolicyClauses & { readonly isDefault: boolean },
): CatalogueEdit {
  refuseName(name);
  const policy = newPolicy(name, clauses, isDefault);
  const there = findPolicy(documents, database, name);
  if (there === null) return putPolicy(documents, database, policy);
  if (!isSame(there, policy)) throw new QueryError('invalid', 'retention policy already exists');
  if (isDefault && !there.isDefault) throw new QueryError('invalid', CONFLICT);
  return {};
}

export function alterPolicy(
  documents: Documents,
  database: string,
  name: string,
  { duration, shardDuration, replication, options = [], isDefault }: PolicyClauses & { readonly isDefault: boolean },
): CatalogueEdit {
  const there = findPolicy(documents, database, name);
  if (there === null) throw new QueryError('invalid', policyNotFound(name));
  const kept = duration ?? there.duration;
  refuseDuration(kept);
  if (kept > 0n && kept < (shardDuration ?? there.shardDuration)) throw new QueryError('invalid', INCOMPATIBLE);
  return putPolicy(documents, database, {
    name,
    duration: kept,
    shardDuration: shardDuration === null ? there.shardDuration : spanOf(shardDuration, kept),
    replication: replication === null ? there.replication : Number(replication),
    isDefault: isDefault || there.isDefault,
    tierAfter: tierAfterIn(options, there.tierAfter),
  });
}

/** Points before it are not taken, ns; null = the policy keeps everything. */
export function keptFrom({ duration }: RetentionPolicy, now: bigint): bigint | null {
  return duration === 0n ? null : now - duration;
}

/** Spans before it are gone, ns: all that end before the policy's reach. null = none ever is. */
export function expiredBefore(policy: RetentionPolicy, now: bigint): bigint | null {
  const from = keptFrom(policy, now);
  return from === null ? null : floorDiv(from, policy.shardDuration) * policy.shardDuration;
}

export function policyNotFound(name: string): string {
  return `retention policy not found: ${name}`;
}

/** InfluxDB's rule for names of databases and policies. */
export function refuseName(name: string | null): void {
  if (name === null) return;
  if (name === '' || name === '.' || name === '..' || UNFIT_IN_NAMES.test(name)) {
    throw new QueryError('invalid', 'invalid name');
  }
}

// private functions

const CONFLICT = 'retention policy conflicts with an existing policy';
const INCOMPATIBLE = 'retention policy duration must be greater than the shard duration';
const UNFIT_IN_NAMES = /[/\\\p{C}]/u;

/** Of a document. Times are texts there, since JSON has no 64-bit integers. */
interface Body {
  readonly duration: string;
  readonly shardDuration: string;
  readonly replication: number;
  readonly isDefault: boolean;
  readonly tierAfter?: string;
}

function toDocument(database: string, { name, duration, shardDuration, tierAfter, ...rest }: RetentionPolicy) {
  const times = { duration: String(duration), shardDuration: String(shardDuration) };
  const body: Body = { ...times, ...rest, ...(tierAfter !== null && { tierAfter: String(tierAfter) }) };
  return { kind: 'retention policy' as const, database, name, body };
}

function isDefaultDocument({ body }: CatalogueDocument): boolean {
  return (body as Body).isDefault;
}

function newPolicy(
  name: string,
  { duration, shardDuration, replication, options = [] }: PolicyClauses,
  isDefault: boolean,
): RetentionPolicy {
  const kept = duration ?? 0n;
  refuseDuration(kept);
  const span = spanOf(shardDuration ?? 0n, kept);
  if (kept > 0n && kept < span) throw new QueryError('invalid', INCOMPATIBLE);
  const tierAfter = tierAfterIn(options, null);
  return { name, duration: kept, shardDuration: span, replication: Number(replication ?? 1n), isDefault, tierAfter };
}

/** The policy, and where it becomes the default, the one that was. */
function putPolicy(documents: Documents, database: string, policy: RetentionPolicy): CatalogueEdit {
  const others = policiesOf(documents, database).filter(({ name, isDefault }) => isDefault && name !== policy.name);
  const before = policy.isDefault ? others.map((other) => ({ ...other, isDefault: false })) : [];
  return { put: [...before, policy].map((one) => toDocument(database, one)) };
}

function isSame(a: RetentionPolicy, b: RetentionPolicy): boolean {
  return (
    a.duration === b.duration &&
    a.shardDuration === b.shardDuration &&
    a.replication === b.replication &&
    a.tierAfter === b.tierAfter
  );
}

/** What the options say of it, else what it was. */
function tierAfterIn(options: readonly StatementOption[], before: bigint | null): bigint | null {
  let after = before;
  for (const option of options) {
    if (option.key !== 'tier_after') {
      throw new QueryError('invalid', `unknown option "${option.key}" of a retention policy: expected tier_after`);
    }
    after = readTierAfter(option);
  }
  return after;
}

/** Where the statement says nothing there is nothing to compare, but for the width of spans. */
function isSaid(there: RetentionPolicy, { duration, shardDuration, replication }: PolicyClauses): boolean {
  return (
    (duration === null || duration === there.duration) &&
    (replication === null || Number(replication) === there.replication) &&
    spanOf(shardDuration ?? 0n, there.duration) === there.shardDuration
  );
}

function refuseDuration(duration: bigint): void {
  if (duration !== 0n && duration < DURATION_MIN) {
    throw new QueryError('invalid', 'retention policy duration must be at least 1h0m0s');
  }
}

/** Width of the spans: as said, but no less than the least; where nothing is said, by the duration. */
function spanOf(said: bigint, duration: bigint): bigint {
  if (said !== 0n) return said < DURATION_MIN ? DURATION_MIN : said;
  if (duration === 0n || duration >= 180n * DAY) return 7n * DAY;
  return duration >= 2n * DAY ? DAY : HOUR;
}
