/**
 * The console and the SDK as files, from directories that the build fills. Paths are looked up, never joined: only names of plain
 * characters below the directory are served. Names that carry a hash may be kept for ever, all others are asked for again.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type Exchange, replyEmpty, replyError } from './exchange.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};
/** esbuild's hashes: eight capitals and digits before the extension. */
const HASHED = /-[A-Z0-9]{8}\.[a-z0-9.]+$/;
const SAFE_PATH = /^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/;

/** True: `path` could be a file of the console. */
export function isFilePath(path: string): boolean {
  return path === '/' || (SAFE_PATH.test(path) && Object.hasOwn(TYPES, extname(path)));
}

export async function consoleFile(exchange: Exchange, directory: string): Promise<void> {
  const { path } = exchange.request;
  const found = await serve(exchange, join(directory, path === '/' ? 'index.html' : path));
  if (found) return;
  if (path !== '/') replyError(exchange, 404, `no such file: ${path}`);
  else replyError(exchange, 503, 'the console is not built: run "npm run build"');
}

export async function sdkFile(exchange: Exchange, file: string): Promise<void> {
  if (!(await serve(exchange, file))) replyError(exchange, 503, 'the sdk is not built: run "npm run build"');
}

// private functions

async function serve(exchange: Exchange, file: string): Promise<boolean> {
  let bytes: Uint8Array;
  try {
    if (!(await stat(file)).isFile()) return false;
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR')
      return false;
    throw error;
  }
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const headers = {
    'Cache-Control': HASHED.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: tag,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  };
  if (exchange.request.headers.get('if-none-match') === tag) replyEmpty(exchange, 304, headers);
  else {
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    exchange.response.reply(200, { ...exchange.headers, ...headers, 'Content-Type': type }, bytes);
  }
  return true;
}
