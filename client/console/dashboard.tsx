/**
 * The overview: tiles and charts of what the server says about itself and its host, every second, through the same live queries as
 * any client's. Waits for the first report where the server has only just started.
 */

import { signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { lastValue, type Traces, tracesOfLive } from '../sdk/index.ts';
import { Chart } from './chart.tsx';
import { millrace } from './client.ts';
import { hueColor, theme } from './colors.ts';
import { formatParts } from './format.ts';
import { type LiveFeed, useLive } from './live-query.ts';
import { Notice } from './notice.tsx';
import { PANELS, type PanelDefinition, panelQuery, SPANS, type Span, TILES, type TileDefinition } from './panels.ts';
import { hrefOf } from './route.ts';
import { Sparkline } from './sparkline.tsx';

const DATABASE = '_internal';
/** Tiles and charts show the same moment. */
const GROUP = 'overview';
/** How often a new server is asked again for its first report. */
const HOSTS_ASKED_MS = 1_000;
/** A wall has room for taller charts. */
const CHART_HEIGHT = innerWidth >= 1900 ? 216 : 168;

/** Held over a change of view. */
const span = signal<Span>(SPANS[1]);
const chosenHost = signal<string | null>(null);

export function Dashboard() {
  const { hosts, problem } = useHosts();
  const host = chosenHost.value !== null && hosts.includes(chosenHost.value) ? chosenHost.value : (hosts[0] ?? null);
  return (
    <div class="dashboard">
      <div class="bar">
        <h1>Overview</h1>
        {hosts.length > 1 ? (
          <select
            aria-label="Host"
            value={host ?? ''}
            onChange={(event) => (chosenHost.value = event.currentTarget.value)}
          >
            {hosts.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        ) : (
          host !== null && <span class="muted host">{host}</span>
        )}
        <div class="spacer" />
        <SpanPicker />
      </div>
      {host === null ? (
        <Waiting problem={problem} />
      ) : (
        <Panels key={`${host} ${span.value.key}`} host={host} span={span.value} />
      )}
    </div>
  );
}

// private functions

function SpanPicker() {
  return (
    <fieldset class="segments" aria-label="Time span">
      {SPANS.map((item) => (
        <button type="button" key={item.key} aria-pressed={item === span.value} onClick={() => (span.value = item)}>
          {item.text}
        </button>
      ))}
    </fieldset>
  );
}

function Waiting({ problem }: { problem: string | null }) {
  return problem === null ? (
    <Notice
      kind="loading"
      title="Waiting for the first report"
      text="The server writes one about itself every second."
    />
  ) : (
    <Notice kind="error" title="The server cannot be asked" text={problem} />
  );
}

/** Hosts that report, asked again until there is one. */
function useHosts(): { hosts: string[]; problem: string | null } {
  const [state, setState] = useState<{ hosts: string[]; problem: string | null }>({ hosts: [], problem: null });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    async function ask(): Promise<void> {
      const next: typeof state = { hosts: [], problem: null };
      try {
        const [result] = await millrace.query(DATABASE, 'SHOW TAG VALUES FROM "load" WITH KEY = "host"');
        for (const row of result?.series?.[0]?.values ?? []) next.hosts.push(String(row[1]));
      } catch (error) {
        next.problem = error instanceof Error ? error.message : String(error);
      }
      if (over) return;
      setState(next);
      if (next.hosts.length === 0) timer = setTimeout(ask, HOSTS_ASKED_MS);
    }
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
  return state;
}

function Panels({ host, span: shown }: { host: string; span: Span }) {
  return (
    <>
      <section class="tiles" aria-label="Now">
        {TILES.map((tile) => (
          <Tile key={tile.title} tile={tile} host={host} span={shown} />
        ))}
      </section>
      <section class="panels" aria-label="Charts">
        {PANELS.map((panel) => (
          <Panel key={panel.id} panel={panel} host={host} span={shown} />
        ))}
      </section>
    </>
  );
}

function Tile({ tile, host, span: shown }: { tile: TileDefinition; host: string; span: Span }) {
  const panel = PANELS.find(({ id }) => id === tile.panel)!;
  const { traces } = usePanel(panel, host, shown);
  const values = useMemo(() => tileValues(tile, traces), [traces]);
  const now = formatParts(
    values.findLast((value) => value !== null),
    tile.unit,
  );
  const whole = tile.of === undefined ? null : lastValue(traces.traces.find(({ label }) => label === tile.of));
  return (
    <div class="tile" data-tile={tile.title}>
      <div class="tile-title">{tile.title}</div>
      <div class="tile-value num">
        {now.text}
        <small>{now.unit}</small>
        {whole !== null && <span class="tile-whole">of {Object.values(formatParts(whole, tile.unit)).join(' ')}</span>}
      </div>
      <Sparkline
        values={values}
        color={hueColor(0, theme.value)}
        max={tile.unit === 'percent' ? 100 : (whole ?? undefined)}
      />
    </div>
  );
}

function Panel({ panel, host, span: shown }: { panel: PanelDefinition; host: string; span: Span }) {
  const { feed, traces, q } = usePanel(panel, host, shown);
  const error = feed.error.value;
  return (
    <article class={panel.wide ? 'panel panel-wide' : 'panel'} data-panel={panel.id}>
      <header>
        <h2>{panel.title}</h2>
        {feed.gap.value !== null && <span class="badge badge-warn">gap: {feed.gap.value}</span>}
        <a class="panel-query" href={hrefOf('query', { db: DATABASE, q, live: '1' })} title={q}>
          query
        </a>
      </header>
      {error !== null ? (
        <Notice kind="error" title="No answer" text={error.message} height={CHART_HEIGHT} />
      ) : traces.times.length === 0 ? (
        <Notice
          kind={feed.phase.value === 'asking' ? 'loading' : 'empty'}
          title={feed.phase.value === 'asking' ? 'Loading' : 'Nothing in this span'}
          height={CHART_HEIGHT}
        />
      ) : (
        <Chart
          label={panel.title}
          traces={traces}
          unit={panel.unit}
          height={CHART_HEIGHT}
          rangeMs={shown.ms}
          min={panel.min}
          max={panel.max}
          palette={panel.palette}
          area={panel.area}
          strong={panel.strong}
          reference={panel.reference}
          joined={panel.joined}
          syncKey={GROUP}
        />
      )}
    </article>
  );
}

/** What a panel's live query says now, cut to the span. Tiles and panels share it. */
function usePanel(panel: PanelDefinition, host: string, shown: Span): { feed: LiveFeed; traces: Traces; q: string } {
  const q = panelQuery(panel, shown, host);
  const feed = useLive(DATABASE, q, { group: GROUP })!;
  const version = feed.version.value;
  const traces = useMemo(() => {
    const newest = tracesOfLive(feed.table.series(), panel.tracesMax, shown.gapMs);
    feed.table.trim((newest.times.at(-1) ?? 0) - shown.ms);
    return newest;
  }, [feed, version]);
  return { feed, traces, q };
}

function tileValues(tile: TileDefinition, { times, traces }: Traces): (number | null)[] {
  if (tile.trace !== 'sum') return traces.find(({ label }) => label === tile.trace)?.values ?? [];
  return times.map((_, i) =>
    traces.reduce<number | null>((sum, { values }) => (values[i] === null ? sum : (sum ?? 0) + values[i]!), null),
  );
}
