/**
 * The view in the address: `#/` the dashboard, `#/query?db=…&q=…&live=1` a question, `#/live` the live queries. A link shows the same to
 * somebody else.
 */
import { signal } from '@preact/signals';

export interface Route {
  readonly view: 'dashboard' | 'query' | 'live';
  readonly parameters: URLSearchParams;
}

export const route = signal<Route>(readRoute());

addEventListener('hashchange', () => {
  route.value = readRoute();
});

export function hrefOf(view: Route['view'], parameters: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(parameters).toString();
  return (view === 'dashboard' ? '#/' : `#/${view}`) + (text === '' ? '' : `?${text}`);
}

/** Writes the address without a step in the browser's history, and without a new drawing. */
export function rememberRoute(view: Route['view'], parameters: Readonly<Record<string, string>>): void {
  history.replaceState(null, '', hrefOf(view, parameters));
}

// private functions

function readRoute(): Route {
  const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { view: path === 'query' || path === 'live' ? path : 'dashboard', parameters: new URLSearchParams(search) };
}
