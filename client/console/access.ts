/**
 * Whether the server asks who one is, and the answer of this tab: `name:password` or a bearer token in the session storage, which goes
 * when the tab is closed.
 */
import { signal } from '@preact/signals';
import { Millrace, MillraceError } from '../sdk/index.ts';

const KEY = 'millrace.token';

export type Access = 'asking' | 'open' | 'login';

export const access = signal<Access>('asking');
/** What the server said to the last attempt; '' = nothing yet. */
export const refusal = signal('');

/** undefined = none is known. */
export function storedToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

/** Asks the server for something that every user may have. */
export async function findAccess(): Promise<void> {
  const said = await refused(storedToken());
  access.value = said === null ? 'open' : 'login';
}

/** Everything begins anew with the token where it is taken. */
export async function signIn(token: string): Promise<void> {
  const said = await refused(token);
  if (said === null) {
    sessionStorage.setItem(KEY, token);
    location.reload();
  } else refusal.value = said;
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
  location.reload();
}

// private functions

/** null = the server lets it in; what else is wrong is for the views to tell. */
async function refused(token: string | undefined): Promise<string | null> {
  const client = new Millrace({ url: location.origin, token });
  try {
    await client.query('', 'SHOW DATABASES');
    return null;
  } catch (error) {
    const isRefused = error instanceof MillraceError && (error.code === 'unauthorized' || error.code === 'forbidden');
    return isRefused ? error.message : null;
  } finally {
    client.close();
  }
}
