/** The console: frame of the page (name, views, state of the connection, theme) around the view that the address names. */
import { render } from 'preact';
import { access, findAccess, signOut, storedToken } from './access.ts';
import { connectionState, lagMs } from './client.ts';
import { applyTheme, chooseTheme, type ThemeChoice, theme, themeChoice } from './colors.ts';
import { Dashboard } from './dashboard.tsx';
import { formatValue } from './format.ts';
import { LiveList } from './live-list.tsx';
import { Login } from './login.tsx';
import { QueryView } from './query-view.tsx';
import { hrefOf, type Route, route } from './route.ts';
import { AlertList, StoredList } from './standing-lists.tsx';

const THEMES: readonly (readonly [ThemeChoice, string])[] = [
  ['auto', 'Auto'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

/** A lag below this is not worth a reader's eye. */
const LAG_SHOWN_MS = 1_000;

applyTheme();
void findAccess();
render(<App />, document.getElementById('app')!);

// private functions

function App() {
  const { view, parameters } = route.value;
  return (
    <>
      <header class="top">
        <a class="brand" href={hrefOf('dashboard')} aria-label="Millrace, overview">
          <Mark />
          <span>Millrace</span>
        </a>
        <nav aria-label="Views">
          <ViewLink view="dashboard" current={view} text="Overview" />
          <ViewLink view="query" current={view} text="Query" />
          <ViewLink view="live" current={view} text="Live" />
        </nav>
        <div class="spacer" />
        <ConnectionPill />
        {access.value === 'open' && storedToken() !== undefined && (
          <button type="button" class="link" onClick={signOut}>
            Sign out
          </button>
        )}
        <ThemePicker />
      </header>
      <main>
        {access.value === 'login' && <Login />}
        {access.value === 'open' &&
          (view === 'query' ? (
            <QueryView key={parameters.toString()} parameters={parameters} />
          ) : view === 'live' ? (
            <>
              <LiveList />
              <StoredList />
              <AlertList />
            </>
          ) : (
            <Dashboard />
          ))}
      </main>
    </>
  );
}

function ViewLink({ view, current, text }: { view: Route['view']; current: Route['view']; text: string }) {
  return (
    <a href={hrefOf(view)} class="view-link" aria-current={view === current ? 'page' : undefined}>
      {text}
    </a>
  );
}

function ConnectionPill() {
  const state = connectionState.value;
  const lag = lagMs.value;
  const late = state === 'connected' && lag !== null && lag >= LAG_SHOWN_MS;
  const text = late ? `${formatValue(lag, 'ms')} behind` : state === 'idle' ? 'idle' : state;
  return (
    <span class={`pill pill-${late ? 'late' : state}`} role="status" data-state={state}>
      <i class="dot" />
      {text}
    </span>
  );
}

function ThemePicker() {
  return (
    <select
      class="theme-picker"
      aria-label="Theme"
      data-theme={theme.value}
      value={themeChoice.value}
      onChange={(event) => chooseTheme(event.currentTarget.value as ThemeChoice)}
    >
      {THEMES.map(([choice, text]) => (
        <option key={choice} value={choice}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path
        d="M5 20c4-7 7-7 11 0s7 7 11 0M5 12.5c4-5 7-5 11 0s7 5 11 0"
        fill="none"
        stroke="var(--on-accent)"
        stroke-width="2.6"
        stroke-linecap="round"
      />
    </svg>
  );
}
