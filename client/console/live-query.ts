/**
 * Live queries for views: `useLive` gives the table of a live query and draws the view again when it has changed, at most once per
 * animation frame, all that have changed in the same one: so views of one group, whose rows come together, are never seen apart. Views
 * that ask the same text share one subscription, held for as long as any of them is on the page.
 */
import { batch, type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { LiveTable, MillraceError, type Subscription } from '../sdk/index.ts';
import { lagMs, millrace } from './client.ts';

/** More often nobody sees, and the server may conflate. */
const FRAMES_HZ_MAX = 10;

export interface LiveFeed {
  readonly table: LiveTable;
  /** Grows when the table has changed and it is time to draw. */
  readonly version: Signal<number>;
  /** asking: nothing has come yet · live: rows have come, or the query is up to date and empty · failed: see `error`. */
  readonly phase: Signal<'asking' | 'live' | 'failed'>;
  readonly error: Signal<MillraceError | null>;
  /** Rows that have come, for a rate. */
  readonly rows: Signal<number>;
  readonly conflated: Signal<number>;
  /** A gap that the server could not fill, in its own words; null = none. */
  readonly gap: Signal<string | null>;
}

interface Shared {
  readonly feed: LiveFeed;
  readonly subscription: Subscription;
  users: number;
}

const shared = new Map<string, Shared>();
/** What is drawn in the next frame. */
const due = new Set<() => void>();

export interface LiveOptions {
  /** Rows kept per series. */
  readonly rowsMax?: number;
  /** true for a live tail: rows have no identity. */
  readonly append?: boolean;
  /** Views with the same one move to one watermark together. */
  readonly group?: string;
}

/** null for `q` = no query now. */
export function useLive(db: string, q: string | null, options: LiveOptions = {}): LiveFeed | null {
  const key = q === null ? null : JSON.stringify([db, q, options]);
  const held = useMemo(() => (key === null ? null : acquire(key, db, q!, options)), [key]);
  useEffect(() => {
    if (held === null || key === null) return;
    held.users += 1;
    return () => release(key, held);
  }, [held]);
  return held?.feed ?? null;
}

// private functions

function acquire(key: string, db: string, q: string, options: LiveOptions): Shared {
  const known = shared.get(key);
  if (known !== undefined) return known;
  const subscription = millrace.subscribe(db, q, {
    epoch: 'ms',
    maxHz: FRAMES_HZ_MAX,
    ...(options.group !== undefined && { group: options.group }),
  });
  const feed: LiveFeed = {
    table: new LiveTable(options),
    version: signal(0),
    phase: signal('asking'),
    error: signal(null),
    rows: signal(0),
    conflated: signal(0),
    gap: signal(null),
  };
  const created: Shared = { feed, subscription, users: 0 };
  shared.set(key, created);
  void follow(subscription, feed);
  return created;
}

/** A view that comes in the same turn takes the subscription over; else it ends. */
function release(key: string, held: Shared): void {
  held.users -= 1;
  queueMicrotask(() => {
    if (held.users > 0) return;
    if (shared.get(key) === held) shared.delete(key);
    held.subscription.close();
  });
}

async function follow(subscription: Subscription, feed: LiveFeed): Promise<void> {
  let rows = 0;
  function draw(): void {
    feed.rows.value = rows;
    feed.version.value = feed.table.version;
  }
  try {
    for await (const event of subscription) {
      if (event.op === 'rows') rows += event.series.reduce((sum, series) => sum + series.values.length, 0);
      if (event.op === 'rows' || event.op === 'progress') feed.phase.value = 'live';
      if (event.op === 'gap') feed.gap.value = event.reason;
      if (event.op === 'status') {
        feed.conflated.value = event.conflated;
        lagMs.value = event.lagMs;
      }
      if (feed.table.apply(event)) schedule(draw);
    }
  } catch (error) {
    feed.error.value = error instanceof MillraceError ? error : new MillraceError('internal', String(error));
    feed.phase.value = 'failed';
  }
}

/** A page in the background gets no animation frames; its numbers still go on, slowly. */
function schedule(draw: () => void): void {
  due.add(draw);
  if (due.size > 1) return;
  if (document.visibilityState === 'visible') requestAnimationFrame(drawAll);
  else setTimeout(drawAll, 1000);
}

function drawAll(): void {
  const all = [...due];
  due.clear();
  batch(() => {
    for (const draw of all) draw();
  });
}
