/** The SHOW statements over the catalogue, as tables. */
import { type Column, integerColumn, textColumn } from '../../model/index.ts';
import { printDuration, type ResultTable, type Statement, textTables } from '../../query/index.ts';
import { type Described, describedIn } from './metadata.ts';
import { policiesOf } from './policies.ts';
import { seesDatabase, type User, userNamed, usersOf } from './users.ts';
import type { CatalogueView } from './view.ts';

const POLICY_COLUMNS = ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'];
const METADATA_COLUMNS = ['series', 'unit', 'description', 'metadata', 'bucket_bytes', 'bucket_width', 'tier_after'];
const KINDS = [
  'show databases',
  'show retention policies',
  'show users',
  'show grants',
  'show metadata',
  'show subscriptions',
] as const;

export type CatalogueShow = Statement & { readonly kind: (typeof KINDS)[number] };

export function isCatalogueShow(statement: Statement): statement is CatalogueShow {
  return (KINDS as readonly string[]).includes(statement.kind);
}

/** `current` = the database of the request; `user` null = sees everything. Throws QueryError; databases are known to be there. */
export function showCatalogue(
  statement: CatalogueShow,
  current: string,
  { documents, databases }: CatalogueView,
  user: User | null,
): ResultTable[] {
  switch (statement.kind) {
    case 'show databases': {
      const seen = databases.filter((database) => user === null || seesDatabase(user, database));
      return textTables(
        'databases',
        ['name'],
        seen.map((name) => [name]),
      );
    }
    case 'show retention policies': {
      const policies = policiesOf(documents, statement.database ?? current);
      const data = [
        textColumn(policies.map(({ name }) => name)),
        textColumn(policies.map(({ duration }) => printGoDuration(duration))),
        textColumn(policies.map(({ shardDuration }) => printGoDuration(shardDuration))),
        integerColumn(policies.map(({ replication }) => replication)),
        flags(policies.map(({ isDefault }) => isDefault)),
      ];
      // InfluxDB's columns, and one more only where it says something
      if (policies.every(({ tierAfter }) => tierAfter === null)) return [table(POLICY_COLUMNS, policies.length, data)];
      const moved = textColumn(policies.map(({ tierAfter }) => (tierAfter === null ? '' : printDuration(tierAfter))));
      return [table([...POLICY_COLUMNS, 'tier_after'], policies.length, [...data, moved])];
    }
    case 'show users': {
      const users = usersOf(documents);
      const data = [textColumn(users.map(({ name }) => name)), flags(users.map(({ isAdmin }) => isAdmin))];
      return [table(['user', 'admin'], users.length, data)];
    }
    case 'show grants': {
      const granted = Object.entries(userNamed(documents, statement.user).privileges);
      const data = [
        textColumn(granted.map(([name]) => name)),
        textColumn(granted.map(([, privilege]) => PRIVILEGES[privilege])),
      ];
      return [table(['database', 'privilege'], granted.length, data)];
    }
    case 'show subscriptions':
      // nothing makes one: whoever wants a copy of what is written subscribes to a live query
      return [];
    case 'show metadata':
      return metadataTables(describedIn(documents, statement.database ?? current, statement.measurement));
  }
}

// private functions

const PRIVILEGES = { none: 'NO PRIVILEGES', read: 'READ', write: 'WRITE', all: 'ALL PRIVILEGES' };

/** One table a measurement; its own row comes first, with an empty series. */
function metadataTables(described: readonly Described[]): ResultTable[] {
  const names = [...new Set(described.map(({ measurement }) => measurement))];
  return names.map((name) => {
    const rows = described.filter(({ measurement }) => measurement === name);
    const data = [
      textColumn(rows.map(({ series }) => series ?? '')),
      textColumn(rows.map(({ unit }) => unit ?? '')),
      textColumn(rows.map(({ description }) => description ?? '')),
      textColumn(rows.map(({ metadata }) => (metadata === undefined ? '' : JSON.stringify(metadata)))),
      integerColumn(rows.map(({ bucketBytes }) => bucketBytes)),
      textColumn(rows.map(({ bucketWidth }) => printSpan(bucketWidth))),
      textColumn(rows.map(({ tierAfter }) => printSpan(tierAfter))),
    ];
    return { ...table(METADATA_COLUMNS, rows.length, data), name };
  });
}

function printSpan(ns: string | undefined): string {
  return ns === undefined ? '' : printDuration(BigInt(ns));
}

/** As Go prints a duration of whole seconds or more: `168h0m0s`, `1h0m30.5s`, `0s`. */
function printGoDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  const minutes = ns / 60_000_000_000n;
  const seconds = `${Number(ns % 60_000_000_000n) / 1e9}s`;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function table(columns: readonly string[], rows: number, data: readonly Column[]): ResultTable {
  return { name: '', tags: null, columns, rows, data };
}

function flags(values: readonly boolean[]): Column {
  return { type: 'boolean', values: Uint8Array.from(values, Number), present: null };
}
