/** The table of routes: what each takes, who may ask it, and what answers. Files of the console are served beside it, to everybody. */
import type { Engine } from './engine.ts';
import { backup, RESTORE_BYTES_MAX, restore } from './http/backup.ts';
import type { Exchange } from './http/exchange.ts';
import { sdkFile } from './http/files.ts';
import { liveHttp } from './http/live-http.ts';
import { METADATA_BYTES_MAX, metadata } from './http/metadata.ts';
import { query } from './http/query.ts';
import { health, metrics, ping, ready, vars } from './http/status.ts';
import { type Gunzip, write, writeV2 } from './http/write.ts';

/** InfluxDB's `max-body-size`. */
export const BODY_BYTES_MAX = 25_000_000;

/**
 * `open`: nobody is asked who they are. `user`: any user. `checked`: the user is known, or nobody while there are no users, and the
 * engine finds out what they may do.
 */
export type RouteAccess = 'open' | 'user' | 'checked';

export interface Route {
  readonly methods: readonly string[];
  readonly access: RouteAccess;
  /** Of a body, which is taken in while it is found out who asks. */
  readonly bodyBytesMax?: number;
  readonly run: (exchange: Exchange) => void | Promise<void>;
}

export interface RoutesOptions {
  readonly engine: Engine;
  readonly version: string;
  readonly gunzip: Gunzip;
  readonly metrics: () => string | Promise<string>;
  readonly vars: () => unknown | Promise<unknown>;
  readonly sdkFile: string;
  readonly bodyBytesMax?: number;
}

export function routeTable(options: RoutesOptions, live: Parameters<typeof liveHttp>[1]): ReadonlyMap<string, Route> {
  const { engine, version, gunzip } = options;
  const writes = { engine, gunzip, bodyBytesMax: options.bodyBytesMax ?? BODY_BYTES_MAX };
  const status = { engine, version, metrics: options.metrics, vars: options.vars };
  const read = ['GET', 'HEAD'];
  return new Map<string, Route>([
    ['/ping', { access: 'open', methods: read, run: (e) => ping(e, status) }],
    ['/health', { access: 'open', methods: read, run: (e) => health(e, status) }],
    ['/ready', { access: 'open', methods: read, run: (e) => ready(e, status) }],
    ['/metrics', { access: 'user', methods: read, run: (e) => metrics(e, status) }],
    ['/debug/vars', { access: 'user', methods: read, run: (e) => vars(e, status) }],
    [
      '/write',
      { access: 'checked', methods: ['POST'], bodyBytesMax: writes.bodyBytesMax, run: (e) => write(e, writes) },
    ],
    [
      '/api/v2/write',
      { access: 'checked', methods: ['POST'], bodyBytesMax: writes.bodyBytesMax, run: (e) => writeV2(e, writes) },
    ],
    ['/query', { access: 'checked', methods: ['GET', 'POST', 'HEAD'], run: (e) => query(e, engine) }],
    ['/backup', { access: 'checked', methods: ['GET'], run: (e) => backup(e, engine) }],
    [
      '/restore',
      { access: 'checked', methods: ['POST'], bodyBytesMax: RESTORE_BYTES_MAX, run: (e) => restore(e, engine) },
    ],
    [
      '/api/v1/metadata',
      {
        access: 'checked',
        methods: ['GET', 'HEAD', 'PUT'],
        bodyBytesMax: METADATA_BYTES_MAX,
        run: (e) => metadata(e, engine),
      },
    ],
    ['/live', { access: 'checked', methods: read, run: (e) => liveHttp(e, live) }],
    ['/sdk.js', { access: 'open', methods: read, run: (e) => sdkFile(e, options.sdkFile) }],
  ]);
}
