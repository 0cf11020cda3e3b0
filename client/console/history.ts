/** The queries that were run in this browser, newest first, kept in localStorage; a browser that keeps nothing has none. */
import { signal } from '@preact/signals';

export interface Asked {
  readonly db: string;
  readonly q: string;
}

const STORE_KEY = 'millrace.history';
/** More than anybody scrolls through. */
const ENTRIES_MAX = 50;

export const asked = signal<readonly Asked[]>(load());

export function rememberAsked(entry: Asked): void {
  const rest = asked.value.filter(({ db, q }) => db !== entry.db || q !== entry.q);
  asked.value = [entry, ...rest].slice(0, ENTRIES_MAX);
  store();
}

export function forgetAsked(): void {
  asked.value = [];
  store();
}

// private functions

function load(): readonly Asked[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORE_KEY) ?? '[]');
    return Array.isArray(stored) ? stored.filter((e) => typeof e?.db === 'string' && typeof e?.q === 'string') : [];
  } catch {
    return [];
  }
}

function store(): void {
  try {
    localStorage.setItem(STORE_KEY, JSON.stringify(asked.value));
  } catch {
    // Full or forbidden: the history ends with the page.
  }
}
