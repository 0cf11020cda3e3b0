/**
 * The URL that names a tier, and what it opens:
 *
 *     file:///srv/cold
 *     s3://bucket/prefix?endpoint=https://host:port&region=eu-central-1&deadline-ms=30000
 *
 * Keys come from the environment alone, as a URL stands in process lists and logs: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where
 * there is one, AWS_SESSION_TOKEN; the region may come from AWS_REGION.
 */
import { DirectoryObjects, type Files, type ObjectStore } from '../../storage/index.ts';
import { S3Objects } from './s3-objects.ts';

/** What a query waits for a block at most. */
const DEADLINE_MS = 30_000;
/** One request: a part of 8 MiB over a slow line. */
const ATTEMPT_MS = 15_000;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TierEvents {
  /** A request was answered. */
  readonly requested: (method: string) => void;
  /** One is made again. */
  readonly again: (reason: string) => void;
}

/** Throws an Error that says what is wrong with the URL or the environment. */
export function checkTier(text: string, environment: Environment): void {
  const url = parsed(text);
  if (url.protocol === 'file:') return;
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) throw new Error(`"${name}" is none of ${PARAMETERS.join(', ')}`);
  }
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
    if ((environment[name] ?? '') === '') throw new Error(`the environment has no ${name}`);
  }
  const deadlineMs = url.searchParams.get('deadline-ms');
  if (deadlineMs !== null && !/^[1-9]\d{0,8}$/.test(deadlineMs)) {
    throw new Error(`deadline-ms: "${deadlineMs}" is not a number of milliseconds`);
  }
}

/** Of a URL that was checked. */
export function openTier(text: string, environment: Environment, files: Files, events: TierEvents): ObjectStore {
  const url = parsed(text);
  if (url.protocol === 'file:') return new DirectoryObjects(files, decodeURIComponent(url.pathname).replace(/\/$/, ''));
  const region = url.searchParams.get('region') ?? environment['AWS_REGION'] ?? 'us-east-1';
  const endpoint = url.searchParams.get('endpoint') ?? `https://s3.${region}.amazonaws.com`;
  const folder = url.pathname.replace(/^\/|\/$/g, '');
  const deadlineMs = Number(url.searchParams.get('deadline-ms') ?? DEADLINE_MS);
  return new S3Objects({
    endpoint: endpoint.replace(/\/$/, ''),
    bucket: url.host,
    prefix: folder === '' ? '' : `${folder}/`,
    region,
    accessKeyId: environment['AWS_ACCESS_KEY_ID']!,
    secretAccessKey: environment['AWS_SECRET_ACCESS_KEY']!,
    sessionToken: environment['AWS_SESSION_TOKEN'],
    patience: { deadlineMs, attemptMs: Math.min(ATTEMPT_MS, deadlineMs), again: events.again },
    requested: events.requested,
  });
}

// private functions

const PARAMETERS = ['endpoint', 'region', 'deadline-ms'];

function parsed(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error('expected s3://bucket/prefix?endpoint=…&region=… or file:///path');
  }
  const isS3 = url.protocol === 's3:' && url.host !== '';
  const isFile = url.protocol === 'file:' && url.pathname.length > 1;
  if (!isS3 && !isFile) throw new Error('expected s3://bucket/prefix?endpoint=…&region=… or file:///path');
  return url;
}
