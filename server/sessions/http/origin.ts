/**
 * Who may talk to us from a browser. A page of another site could otherwise write to, or listen in on, a server that only its
 * visitor can reach. Default: pages of this server itself (Origin names the same host as Host), and whatever is no browser
 * (no Origin). Others must be listed; `*` allows all. A listed origin gets the CORS headers it needs.
 */
import type { AnswerHeaders, Headers } from '../door/door.ts';

export function originAllowed(headers: Headers, origins: readonly string[]): boolean {
  const origin = headers.get('origin');
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true;
  const slashes = origin.indexOf('://');
  return slashes > 0 && origin.slice(slashes + 3).toLowerCase() === headers.get('host')?.toLowerCase();
}

/** Headers that let a listed origin read an answer; none for others. */
export function corsHeaders(headers: Headers, origins: readonly string[]): AnswerHeaders {
  const origin = headers.get('origin');
  if (origin === undefined || !(origins.includes('*') || origins.includes(origin))) return {};
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Headers': 'Accept, Authorization, Content-Encoding, Content-Type, Last-Event-ID',
    'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, OPTIONS',
    'Access-Control-Expose-Headers': 'Date, X-InfluxDB-Version, X-Millrace-Position, X-Request-Id, Retry-After',
    Vary: 'Origin',
  };
}
