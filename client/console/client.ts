/**
 * The console's one connection to the server that served it, and what everybody shows of it: the state of the socket as a signal.
 * All views share it; it is never closed, as it lives as long as the page.
 */
import { signal } from '@preact/signals';
import { type ConnectionState, Millrace } from '../sdk/index.ts';
import { storedToken } from './access.ts';

export const millrace = new Millrace({ url: location.origin, token: storedToken() });
export const connectionState = signal<ConnectionState>(millrace.state);
/** What the server last said about how far behind the newest frames are; null while it has said nothing. */
export const lagMs = signal<number | null>(null);

millrace.onState((state) => {
  connectionState.value = state;
  if (state !== 'connected') lagMs.value = null;
});
