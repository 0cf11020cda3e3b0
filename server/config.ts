/**
 * Flags, environment and config file → one frozen object with every limit checked. A flag beats its environment twin
 * (`--data-dir` ↔ `MILLRACE_DATA_DIR`), which beats the file (`{"data-dir": "./data"}`). Throws ConfigError, whose text names the
 * setting, what it was and what was expected. Reads the file; touches nothing else.
 *
 * A long file: one table of settings, and what reads it.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { type Limits, PART_BYTES, QUERY_BYTES_MAX } from '../query/index.ts';
import { HEAD_BYTES, LOG_KEEP_BYTES, TIER_CACHE_BYTES } from '../storage/index.ts';
import { checkTier, type Environment } from './tiers/index.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface Config {
  readonly dataDir: string;
  readonly http: Address;
  readonly udp: Address | null;
  readonly udpDatabase: string;
  /** null = the embedded broker. */
  readonly nats: string | null;
  readonly node: string;
  readonly logLevel: LogLevel;
  /** Fixed when the data directory is made; null = not said. */
  readonly shards: number | null;
  readonly workers: number;
  /** null = unless somebody with a name writes, which is with --auth. */
  readonly autoCreate: boolean | null;
  /** Memory of rows in one shard's head before it is sealed to buckets. */
  readonly headBytes: number;
  /** Of each shard's log, what is kept of messages that are in buckets. */
  readonly logKeepBytes: number;
  /** Milliseconds between the server's own points in `_internal`; 0 = none. */
  readonly telemetryMs: number;
  readonly queryLimits: Limits;
  /** Queries at a time; 0 = any number. */
  readonly queriesMax: number;
  /** A query that takes longer is ended; 0 = as long as it takes. */
  readonly queryTimeoutMs: number;
  /** URL of the object storage that old buckets move to; null = they stay on disk. */
  readonly tier: string | null;
  /** Age of buckets that move, ns; null = only where a measurement's advice says. */
  readonly tierAfterNs: bigint | null;
  /** Of what was read from the tier, on disk. */
  readonly tierCacheBytes: number;
  readonly door: 'uws' | 'node' | 'auto';
  /** How often it is looked what has expired. */
  readonly retentionCheckMs: number;
  /** null = users are not asked for. */
  readonly auth: { readonly tokenSecret: string } | null;
}

export class ConfigError extends Error {}

/** The envelope's header has room for 65,536; a stream each in JetStream makes 256 sensible (docs/adr). */
export const SHARDS_MAX = 256;

/** Below it every few messages would make a file. */
const HEAD_BYTES_MIN = 4096;
/** Sizes beyond are a slip of the pen: 1 TiB. */
const BYTES_MAX = 2 ** 40;

/** Each may hold memory up to its limit; dashboards ask some dozens at once. */
const QUERIES_MAX = 256;

/** InfluxDB's own. */
const RETENTION_CHECK_MS = 30 * 60 * 1000;

const SETTINGS = {
  'data-dir': { type: 'string', default: './data', help: 'where everything is kept' },
  http: { type: 'string', default: '127.0.0.1:8086', help: 'door for HTTP and WebSocket; port 0 picks a free one' },
  udp: { type: 'string', default: '127.0.0.1:8089', help: 'door for line protocol in datagrams; "off" = none' },
  'udp-database': { type: 'string', default: 'udp', help: 'database that datagrams are written to' },
  nats: { type: 'string', default: '', help: 'nats://host:port: carry the stream on JetStream instead of in process' },
  redis: { type: 'string', default: '', help: 'reserved: shared views come with cluster support' },
  roles: { type: 'string', default: 'gateway,processor,storage', help: 'reserved: this version runs all three' },
  auth: {
    type: 'string',
    default: 'false',
    help: 'ask for users; the first is made by CREATE USER … WITH ALL PRIVILEGES',
  },
  'auth-token-secret': {
    type: 'string',
    default: '',
    help: 'secret shared with those who sign bearer tokens (better by environment); empty = none are taken',
  },
  node: { type: 'string', default: '', help: 'name of this node in its own telemetry (default: host name)' },
  'log-level': { type: 'string', default: 'info', help: 'error, warn, info or debug' },
  shards: {
    type: 'string',
    default: '',
    help: 'hash ranges of series; fixed when the data directory is made (default: cores)',
  },
  workers: { type: 'string', default: '', help: 'threads that own shards (default: cores, at most one per shard)' },
  'auto-create': {
    type: 'string',
    default: '',
    help: 'a write creates a database that does not exist (default: true without --auth, false with it)',
  },
  'head-bytes': {
    type: 'string',
    default: String(HEAD_BYTES),
    help: 'memory of recent rows in a shard before they are sealed to buckets on disk',
  },
  'log-keep-bytes': {
    type: 'string',
    default: String(LOG_KEEP_BYTES),
    help: "bytes of a shard's log kept for clients that resume, though in buckets",
  },
  'retention-check-ms': {
    type: 'string',
    default: String(RETENTION_CHECK_MS),
    help: 'interval in which points older than their retention policy are removed',
  },
  'telemetry-ms': {
    type: 'string',
    default: '1000',
    help: 'interval of the points in _internal, thirty times as long where nothing goes on for that time; 0 = none',
  },
  'max-concurrent-queries': {
    type: 'string',
    default: String(QUERIES_MAX),
    help: 'queries at a time, more are refused; 0 = any number',
  },
  'max-select-point': {
    type: 'string',
    default: '0',
    help: 'rows that one query may read; 0 = any number',
  },
  'max-select-series': {
    type: 'string',
    default: '0',
    help: 'series that one query may read; 0 = any number',
  },
  'max-select-buckets': {
    type: 'string',
    default: '0',
    help: 'windows of GROUP BY time() that one query may ask for; 0 = any number',
  },
  'max-query-bytes': {
    type: 'string',
    default: String(QUERY_BYTES_MAX),
    help: 'memory that one query may hold on one thread; 0 = what it takes',
  },
  'query-timeout-ms': {
    type: 'string',
    default: '0',
    help: 'a query that takes longer is ended; 0 = as long as it takes',
  },
  tier: {
    type: 'string',
    default: '',
    help: 'object storage for old buckets: s3://bucket/prefix?endpoint=…&region=… (keys from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or file:///path',
  },
  'tier-after': {
    type: 'string',
    default: '',
    help: 'age at which buckets move to the tier, as 7d (default: only where a measurement says tier_after)',
  },
  'tier-cache-bytes': {
    type: 'string',
    default: String(TIER_CACHE_BYTES),
    help: 'disk for blocks that were read from the tier',
  },
  door: { type: 'string', default: 'auto', help: 'auto, uws (uWebSockets.js) or node (node:http)' },
} as const;

type Name = keyof typeof SETTINGS;
type Tiering = Pick<Config, 'tier' | 'tierAfterNs' | 'tierCacheBytes'>;

const SECONDS: Readonly<Record<string, bigint>> = { s: 1n, m: 60n, h: 3600n, d: 86_400n, w: 604_800n };

/** `--help` as text. */
export function usage(): string {
  const lines = Object.entries(SETTINGS).map(
    ([name, s]) => `  --${name.padEnd(22)} ${s.help}${s.default === '' ? '' : ` (${s.default})`}`,
  );
  return ['usage: npm start -- [flags]', '', ...lines, '  --config FILE    the same names as a JSON object', ''].join(
    '\n',
  );
}

/** `argv` without node and script. Booleans may stand without a value: `--auth`. */
export function readConfig(argv: readonly string[], environment: Environment): Config {
  const flags = parseFlags(argv);
  const file = readFile(flags['config'] ?? environment['MILLRACE_CONFIG']);
  const get = (name: Name): string =>
    flags[name] ??
    environment[`MILLRACE_${name.toUpperCase().replaceAll('-', '_')}`] ??
    file[name] ??
    SETTINGS[name].default;
  refuseReserved(get);
  const cores = availableParallelism();
  const shards = get('shards') === '' ? null : wholeNumber('shards', get('shards'), 1, SHARDS_MAX);
  return Object.freeze({
    dataDir: get('data-dir'),
    http: address('http', get('http')),
    udp: get('udp') === 'off' ? null : address('udp', get('udp')),
    udpDatabase: get('udp-database'),
    nats: get('nats') === '' ? null : get('nats'),
    node: get('node') === '' ? hostname() : get('node'),
    logLevel: oneOf('log-level', get('log-level'), ['error', 'warn', 'info', 'debug']),
    shards,
    workers: get('workers') === '' ? cores : wholeNumber('workers', get('workers'), 1, SHARDS_MAX),
    autoCreate:
      get('auto-create') === '' ? null : oneOf('auto-create', get('auto-create'), ['true', 'false']) === 'true',
    headBytes: wholeNumber('head-bytes', get('head-bytes'), HEAD_BYTES_MIN, BYTES_MAX),
    logKeepBytes: wholeNumber('log-keep-bytes', get('log-keep-bytes'), 0, BYTES_MAX),
    telemetryMs: wholeNumber('telemetry-ms', get('telemetry-ms'), 0, 3_600_000),
    queryLimits: {
      pointsMax: wholeNumber('max-select-point', get('max-select-point'), 0, Number.MAX_SAFE_INTEGER),
      seriesMax: wholeNumber('max-select-series', get('max-select-series'), 0, Number.MAX_SAFE_INTEGER),
      bucketsMax: wholeNumber('max-select-buckets', get('max-select-buckets'), 0, Number.MAX_SAFE_INTEGER),
      bytesMax: wholeNumber('max-query-bytes', get('max-query-bytes'), 0, BYTES_MAX),
      partBytes: PART_BYTES,
    },
    queriesMax: wholeNumber('max-concurrent-queries', get('max-concurrent-queries'), 0, 1_000_000),
    queryTimeoutMs: wholeNumber('query-timeout-ms', get('query-timeout-ms'), 0, 2 ** 31 - 1),
    auth: readAuth(get),
    ...readTier(get, environment),
    retentionCheckMs: wholeNumber('retention-check-ms', get('retention-check-ms'), 10, 86_400_000),
    door: oneOf('door', get('door'), ['auto', 'uws', 'node']),
  });
}

// private functions

function readTier(get: (name: Name) => string, environment: Environment): Tiering {
  const tier = get('tier') === '' ? null : get('tier');
  if (tier !== null) {
    try {
      checkTier(tier, environment);
    } catch (error) {
      throw new ConfigError(`tier: "${tier}": ${(error as Error).message}`);
    }
  }
  const after = get('tier-after');
  if (after !== '' && tier === null) throw new ConfigError('tier-after: says when, but --tier does not say where to');
  return {
    tier,
    tierAfterNs: after === '' ? null : duration('tier-after', after),
    tierCacheBytes: wholeNumber('tier-cache-bytes', get('tier-cache-bytes'), 0, BYTES_MAX),
  };
}

function parseFlags(argv: readonly string[]): Record<string, string> {
  const known = [...Object.keys(SETTINGS), 'config'];
  const options = Object.fromEntries(known.map((name) => [name, { type: 'string' as const }]));
  const bare = (at: number): boolean => argv[at + 1] === undefined || argv[at + 1].startsWith('--');
  const spelled = argv.map((a, at) => ((a === '--auth' || a === '--auto-create') && bare(at) ? `${a}=true` : a));
  try {
    return parseArgs({ args: spelled, options, strict: true }).values as Record<string, string>;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\n\n${usage()}`);
  }
}

function readFile(path: string | undefined): Record<string, string> {
  if (path === undefined || path === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`config file "${path}": ${(error as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConfigError(`config file "${path}": expected a JSON object`);
  }
  for (const name of Object.keys(parsed)) {
    if (!(name in SETTINGS)) throw new ConfigError(`config file "${path}": unknown setting "${name}"`);
  }
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, String(value)]));
}

function readAuth(get: (name: Name) => string): Config['auth'] {
  const isOn = oneOf('auth', get('auth'), ['true', 'false']) === 'true';
  const tokenSecret = get('auth-token-secret');
  if (!isOn && tokenSecret !== '') throw new ConfigError('auth-token-secret: has no effect without --auth');
  return isOn ? { tokenSecret } : null;
}

/** A setting without an effect would be a lie. */
function refuseReserved(get: (name: Name) => string): void {
  if (get('redis') !== '') throw new ConfigError('redis: this version keeps no shared views yet; leave it out');
  if (get('roles') !== SETTINGS.roles.default) {
    throw new ConfigError(`roles: this version runs ${SETTINGS.roles.default} together; leave it out`);
  }
}

function address(name: string, text: string): Address {
  const m = /^(.*):(\d{1,5})$/.exec(text);
  if (m === null || Number(m[2]) > 65535) throw new ConfigError(`${name}: "${text}" is not host:port`);
  return { host: m[1].replace(/^\[|\]$/g, '') || '0.0.0.0', port: Number(m[2]) };
}

function duration(name: string, text: string): bigint {
  const m = /^(\d{1,9})(s|m|h|d|w)$/.exec(text);
  if (m === null) throw new ConfigError(`${name}: "${text}" is not a duration as 90s, 12h, 7d or 4w`);
  return BigInt(m[1]) * SECONDS[m[2]] * 1_000_000_000n;
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < min || n > max) {
    throw new ConfigError(`${name}: "${text}" is not a whole number from ${min} to ${max}`);
  }
  return n;
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  if (!(allowed as readonly string[]).includes(text)) {
    throw new ConfigError(`${name}: "${text}" is none of ${allowed.join(', ')}`);
  }
  return text as T;
}
