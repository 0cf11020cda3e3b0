/**
 * Heads that two readers could read in two ways are how requests are smuggled past proxies. Both adapters ask here before anything
 * else looks at a request; what their parsers refuse themselves does not come this far.
 */

/** A header's name, as HTTP has it. */
const TOKEN = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

/** Why a head must be refused; null where it is sound. `headers`: every line as it came, names in lower case. */
export function unsoundHead(target: string, headers: readonly (readonly [string, string])[]): string | null {
  if (!target.startsWith('/')) return 'address must be a path';
  const seen = new Map<string, string>();
  for (const [name, value] of headers) {
    if (!TOKEN.test(name)) return 'header without a proper name';
    if (seen.has(name) && (name === 'host' || name === 'content-length' || name === 'transfer-encoding')) {
      return `header ${name} given twice`;
    }
    seen.set(name, value);
  }
  const host = seen.get('host');
  if (host === undefined || !/^[A-Za-z0-9._~:[\]-]+$/.test(host)) return 'header host missing or not a host';
  const length = seen.get('content-length');
  const coding = seen.get('transfer-encoding');
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'header content-length is not a number';
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'header transfer-encoding must be chunked';
  if (length !== undefined && coding !== undefined) return 'both content-length and transfer-encoding given';
  return null;
}

/** Why an upgrade must be refused; null where it is a sound WebSocket handshake. */
export function unsoundHandshake(headers: ReadonlyMap<string, string>): { status: number; message: string } | null {
  if (headers.get('sec-websocket-version') !== '13') return { status: 426, message: 'websocket version must be 13' };
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers.get('sec-websocket-key') ?? '')) {
    return { status: 400, message: 'header sec-websocket-key is missing or malformed' };
  }
  return null;
}

/** Lines to a map: lower-case names, repeated lines joined. */
export function headerMap(lines: readonly (readonly [string, string])[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const [name, value] of lines) {
    const before = map.get(name);
    map.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return map;
}
