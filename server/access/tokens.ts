/**
 * Bearer tokens: JSON Web Tokens signed with a secret that the server shares with whoever makes them (HS256, HS384, HS512), with the
 * claims `username` and `exp`, as InfluxDB takes them. Refusals are InfluxDB's texts.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const DIGESTS: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };
/** Longer is no token that anybody makes. */
const TOKEN_LENGTH_MAX = 8192;

export type ReadToken = { readonly user: string } | { readonly refused: string };

/** `secret` '' = no token is taken. */
export function readToken(token: string, secret: string, nowMs: number): ReadToken {
  if (secret === '') return { refused: 'bearer auth disabled' };
  const parts = token.split('.');
  if (parts.length !== 3 || token.length > TOKEN_LENGTH_MAX) {
    return { refused: 'token contains an invalid number of segments' };
  }
  const [header, claims] = parts.slice(0, 2).map(readPart);
  if (header === null || claims === null) return { refused: 'token is malformed' };
  const method = String(header.alg);
  if (!Object.hasOwn(DIGESTS, method)) return { refused: `unexpected signing method: ${method}` };
  const expected = createHmac(DIGESTS[method], secret).update(`${parts[0]}.${parts[1]}`).digest();
  const given = Buffer.from(parts[2], 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { refused: 'signature is invalid' };
  if (typeof claims.exp !== 'number') return { refused: 'token expiration required' };
  if (claims.exp * 1000 <= nowMs) return { refused: 'Token is expired' };
  if (typeof claims.nbf === 'number' && claims.nbf * 1000 > nowMs) return { refused: 'Token is not valid yet' };
  if (typeof claims.username !== 'string') return { refused: 'username in token must be a string' };
  if (claims.username === '') return { refused: 'token must contain a username' };
  return { user: claims.username };
}

// private functions

function readPart(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
