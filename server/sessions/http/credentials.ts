/**
 * Who a request says it is from: `u` and `p` of the address, `Authorization: Basic`, `Token user:password` of clients of version 2, or
 * `Bearer` and a JSON Web Token. What is found here is checked by the engine, and is never logged.
 */
import type { DoorRequest } from '../door/door.ts';
import type { Credentials } from '../engine.ts';

/** null where it says nothing that can be read. */
export function credentialsOf({ headers }: DoorRequest, parameters: URLSearchParams): Credentials | null {
  const user = parameters.get('u') ?? '';
  const password = parameters.get('p') ?? '';
  if (user !== '' && password !== '') return { kind: 'password', user, password };
  const [, scheme, rest] = /^(\w+) +(\S.*)$/.exec(headers.get('authorization') ?? '') ?? [];
  switch (scheme?.toLowerCase()) {
    case 'basic':
      return parted(Buffer.from(rest, 'base64').toString());
    case 'token':
      return tokenCredentials(rest);
    case 'bearer':
      return { kind: 'bearer', token: rest };
    default:
      return null;
  }
}

/** One text: `user:password`, or a JSON Web Token, which has no colon. */
export function tokenCredentials(token: string): Credentials {
  return parted(token) ?? { kind: 'bearer', token };
}

// private functions

function parted(text: string): Credentials | null {
  const colon = text.indexOf(':');
  return colon < 0 ? null : { kind: 'password', user: text.slice(0, colon), password: text.slice(colon + 1) };
}
