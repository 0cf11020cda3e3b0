/**
 * Flags, environment and config file → one frozen object with every limit checked. A flag beats its environment twin
 * (`--data-dir` ↔ `MILLRACE_DATA_DIR`), which beats the file (`{"data-dir": "./data"}`). Throws ConfigError, whose text names the
 * setting, what it was and what was expected. Reads the file; touches nothing else.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { HEAD_BYTES, LOG_KEEP_BYTES } from '../storage/index.ts';

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
  readonly autoCreate: boolean;
  /** Memory of rows in one shard's head before it is sealed to buckets. */
  readonly headBytes: number;
  /** Of each shard's log, what is kept of messages that are in buckets. */
  readonly logKeepBytes: number;
  /** Milliseconds between the server's own points in `_internal`; 0 = none. */
  readonly telemetryMs: number;
  readonly door: 'uws' | 'node' | 'auto';
}

export class ConfigError extends Error {}

/** The envelope's header has room for 65,536; a stream each in JetStream makes 256 sensible (docs/adr). */
export const SHARDS_MAX = 256;

/** Below it every few messages would make a file. */
const HEAD_BYTES_MIN = 4096;
/** Sizes beyond are a slip of the pen: 1 TiB. */
const BYTES_MAX = 2 ** 40;

const SETTINGS = {
  'data-dir': { type: 'string', default: './data', help: 'where everything is kept' },
  http: { type: 'string', default: '127.0.0.1:8086', help: 'door for HTTP and WebSocket; port 0 picks a free one' },
  udp: { type: 'string', default: '127.0.0.1:8089', help: 'door for line protocol in datagrams; "off" = none' },
  'udp-database': { type: 'string', default: 'udp', help: 'database that datagrams are written to' },
  nats: { type: 'string', default: '', help: 'nats://host:port: carry the stream on JetStream instead of in process' },
  redis: { type: 'string', default: '', help: 'reserved: shared views come with cluster support' },
  roles: { type: 'string', default: 'gateway,processor,storage', help: 'reserved: this version runs all three' },
  auth: { type: 'string', default: 'false', help: 'reserved: this version has no users' },
  node: { type: 'string', default: '', help: 'name of this node in its own telemetry (default: host name)' },
  'log-level': { type: 'string', default: 'info', help: 'error, warn, info or debug' },
  shards: {
    type: 'string',
    default: '',
    help: 'hash ranges of series; fixed when the data directory is made (default: cores)',
  },
  workers: { type: 'string', default: '', help: 'threads that own shards (default: cores, at most one per shard)' },
  'auto-create': { type: 'string', default: 'true', help: 'a write creates a database that does not exist' },
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
  'telemetry-ms': { type: 'string', default: '1000', help: 'interval of the points in _internal; 0 = none' },
  door: { type: 'string', default: 'auto', help: 'auto, uws (uWebSockets.js) or node (node:http)' },
} as const;

type Name = keyof typeof SETTINGS;

/** `--help` as text. */
export function usage(): string {
  const lines = Object.entries(SETTINGS).map(
    ([name, s]) => `  --${name.padEnd(14)} ${s.help}${s.default === '' ? '' : ` (${s.default})`}`,
  );
  return ['usage: npm start -- [flags]', '', ...lines, '  --config FILE    the same names as a JSON object', ''].join(
    '\n',
  );
}

/** `argv` without node and script. Booleans may stand without a value: `--auth`. */
export function readConfig(argv: readonly string[], environment: Readonly<Record<string, string | undefined>>): Config {
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
    autoCreate: oneOf('auto-create', get('auto-create'), ['true', 'false']) === 'true',
    headBytes: wholeNumber('head-bytes', get('head-bytes'), HEAD_BYTES_MIN, BYTES_MAX),
    logKeepBytes: wholeNumber('log-keep-bytes', get('log-keep-bytes'), 0, BYTES_MAX),
    telemetryMs: wholeNumber('telemetry-ms', get('telemetry-ms'), 0, 3_600_000),
    door: oneOf('door', get('door'), ['auto', 'uws', 'node']),
  });
}

// private functions

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

/** A setting without an effect would be a lie, `--auth` most of all. */
function refuseReserved(get: (name: Name) => string): void {
  if (get('redis') !== '') throw new ConfigError('redis: this version keeps no shared views yet; leave it out');
  if (get('auth') !== 'false')
    throw new ConfigError('auth: this version has no users yet; leave it out and bind to loopback');
  if (get('roles') !== SETTINGS.roles.default) {
    throw new ConfigError(`roles: this version runs ${SETTINGS.roles.default} together; leave it out`);
  }
}

function address(name: string, text: string): Address {
  const m = /^(.*):(\d{1,5})$/.exec(text);
  if (m === null || Number(m[2]) > 65535) throw new ConfigError(`${name}: "${text}" is not host:port`);
  return { host: m[1].replace(/^\[|\]$/g, '') || '0.0.0.0', port: Number(m[2]) };
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
