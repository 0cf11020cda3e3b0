/**
 * Alert: a stored alert that runs. Takes the rows of its live query, keeps the state of each series, writes what changes to `_alerts`, and
 * hands it to its webhooks.
 *
 *     StandingQuery ──final rows, watermark──▶ series-state ──changes──▶ points in _alerts, then webhooks, then the state that is saved
 *
 * What holds: a batch is taken as a whole, after its points are on the disk. State, cursor and undelivered notifications are saved
 * together; after a crash the rows behind the cursor come again and lead to the same changes, with the same points and ids (docs/adr/0059).
 *
 * Stream time is the watermark. While there is none yet, after a start, it goes on at the clock's pace from where it stood: so the time a
 * server was down is no silence of its series.
 */
import { msToNs, QueryError } from '../../query/index.ts';
import type { StoredAlert } from '../catalogue/index.ts';
import { type WriteLines, writeInto } from '../queries/index.ts';
import type { StandingBatch, StandingConsumer } from '../standing/index.ts';
import { type AlertChange, changeDelivery, changePoint } from './changes.ts';
import { ALERTS_MEASUREMENT, type AlertDefinition } from './definition.ts';
import { judgedRows, seriesKey } from './judged-rows.ts';
import type { SavedAlert, SavedSeries } from './saved-alert.ts';
import { isPending, judge, remind, type SeriesState, type Step, silence } from './series-state.ts';
import { type DeliveryOutcome, Webhook, type WebhookPort } from './webhook.ts';

/** Series of one alert; rows of further ones are not judged. */
export const SERIES_MAX = 100_000;
/** A series that is ok and has been without rows for so long (stream time, ns) is forgotten, unless NO DATA is about it. */
const FORGOTTEN_AFTER = 86_400_000_000_000n;

/** Who may be forgotten is looked for so often in that time. */
const FORGETTING_PARTS = 24n;

export type AlertFailure = 'query' | 'write' | 'gap' | 'webhook';

export interface AlertPort extends WebhookPort {
  /** Rejects with QueryError where the database is not there. */
  readonly write: WriteLines;
  changed(reason: string): void;
  /** Rows that were not judged. */
  ignored(reason: 'older' | 'series limit', rows: number): void;
  failed(alert: StoredAlert, reason: AlertFailure, message: string): void;
}

/** What SHOW tells; failures since the start. */
export interface AlertCounts {
  readonly series: number;
  readonly pending: number;
  readonly firing: number;
  /** The first of the statement's levels that any series has; null = ok. */
  readonly level: string | null;
  /** Notifications. */
  readonly waiting: number;
  readonly failures: number;
  readonly lastFailure: string;
}

export class Alert implements StandingConsumer {
  readonly stored: StoredAlert;
  readonly definition: AlertDefinition;
  readonly #port: AlertPort;
  readonly #series: Map<string, SavedSeries>;
  readonly #webhooks: readonly Webhook[];
  #cursor: string;
  #streamTime: bigint | null;
  #openedMs = 0;
  /** Stream time, ns. */
  #forgetAt = 0n;
  #asked = '';
  #failures = 0;
  #lastFailure = '';
  /** What is saved would be another one now; a cursor and a watermark that have only moved do not count. */
  dirty = false;

  /** `saved` null = it begins. */
  constructor(stored: StoredAlert, definition: AlertDefinition, saved: SavedAlert | null, port: AlertPort) {
    this.stored = stored;
    this.definition = definition;
    this.#port = port;
    this.#series = new Map(saved?.series.map((entry) => [seriesKey(entry.series), entry]));
    this.#cursor = saved?.cursor ?? '';
    this.#streamTime = saved?.streamTime ?? null;
    const hooked: WebhookPort = { ...port, count: (outcome, why) => this.#delivered(outcome, why) };
    this.#webhooks = definition.notify.map((url) => {
      const waiting = saved?.waiting.find((one) => one.url === url)?.deliveries ?? [];
      return new Webhook(url, stored.secret, waiting, hooked);
    });
  }

  get counts(): AlertCounts {
    const { levels, noData } = this.definition.rules;
    const states = [...this.#series.values()].map(({ state }) => state);
    const names = [...levels, ...(noData === null ? [] : [noData])].map(({ name }) => name);
    const told = new Set(states.map(({ level }) => level));
    return {
      series: states.length,
      pending: states.filter((state) => state.level === null && isPending(state)).length,
      firing: states.filter(({ level }) => level !== null).length,
      level: names.find((name) => told.has(name)) ?? null,
      waiting: this.#webhooks.reduce((sum, { waiting }) => sum + waiting.length, 0),
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  /** All that a later start needs. */
  saved(): SavedAlert {
    return {
      cursor: this.#cursor,
      streamTime: this.#streamTime,
      series: [...this.#series.values()],
      waiting: this.#webhooks.map(({ url, waiting }) => ({ url, deliveries: waiting })),
    };
  }

  close(): void {
    for (const webhook of this.#webhooks) webhook.close();
  }

  since(): string {
    this.#asked = this.#cursor;
    return this.#cursor;
  }

  async take(batch: StandingBatch): Promise<void> {
    const nowMs = this.#port.nowMs();
    if (batch.first) {
      this.#openedMs = nowMs;
      if (batch.lost !== '' && this.#asked !== '') this.#fail('gap', `windows may not have been judged: ${batch.lost}`);
    }
    const streamTime = this.#timeAt(batch, nowMs);
    const next = new Map<string, SavedSeries>();
    const changes: AlertChange[] = [];
    this.#judge(batch, nowMs, next, changes);
    if (streamTime !== null) this.#watch(streamTime, nowMs, next, changes);
    await this.#write(changes);
    for (const [key, entry] of next) this.#series.set(key, entry);
    if (streamTime !== null) this.#forget(streamTime);
    this.#streamTime = batch.watermark ?? this.#streamTime;
    this.#cursor = batch.cursor;
    this.dirty ||= next.size > 0;
    for (const changed of changes) {
      this.#port.changed(changed.change.reason);
      for (const webhook of this.#webhooks) webhook.offer(changeDelivery(this.stored, changed, nowMs));
    }
  }

  failed(error: Error): void {
    this.#fail('query', error.message);
  }

  // private functions

  #timeAt({ watermark, live: { rules } }: StandingBatch, nowMs: number): bigint | null {
    if (watermark !== null || this.#streamTime === null) return watermark;
    const quiet = msToNs(nowMs - this.#openedMs) - rules.idle;
    const paced = this.#streamTime + (quiet > 0n ? quiet : 0n);
    return paced < msToNs(nowMs) ? paced : this.#streamTime;
  }

  #judge(batch: StandingBatch, nowMs: number, next: Map<string, SavedSeries>, changes: AlertChange[]): void {
    let older = 0;
    let unknown = 0;
    for (const { series, row, ...window } of judgedRows(batch, this.definition)) {
      const key = seriesKey(series);
      const held = next.get(key) ?? this.#series.get(key) ?? null;
      if (held === null && this.#series.size + next.size >= SERIES_MAX) {
        unknown++;
        continue;
      }
      const step = judge(this.definition.rules, held?.state ?? null, window, nowMs);
      if (step === null) older++;
      else this.#step({ series, row }, step, next, changes);
    }
    if (older > 0) this.#port.ignored('older', older);
    if (unknown > 0) this.#port.ignored('series limit', unknown);
  }

  /** What the clocks say: silence by stream time, reminders by that on the wall. */
  #watch(at: bigint, nowMs: number, next: Map<string, SavedSeries>, changes: AlertChange[]): void {
    const { rules } = this.definition;
    if (rules.noData === null && rules.remindEveryMs === null) return;
    const look = (key: string, entry: SavedSeries): void => {
      const silent = silence(rules, entry.state, at, nowMs);
      if (silent !== null) this.#step(entry, silent, next, changes);
      const reminded = remind(rules, next.get(key)?.state ?? entry.state, nowMs);
      if (reminded !== null) this.#step(entry, reminded, next, changes);
    };
    for (const [key, entry] of [...next]) look(key, entry);
    for (const [key, entry] of this.#series) if (!next.has(key)) look(key, entry);
  }

  #step(
    { series, row }: Pick<SavedSeries, 'series' | 'row'>,
    { state, change }: Step,
    next: Map<string, SavedSeries>,
    changes: AlertChange[],
  ): void {
    next.set(seriesKey(series), { series, row, state });
    if (change !== null) changes.push({ series, row, change, windowStart: state.start });
  }

  async #write(changes: readonly AlertChange[]): Promise<void> {
    const told = changes.filter(({ change }) => change.reason !== 'reminder');
    if (told.length === 0) return;
    const { write } = this.#port;
    const now = msToNs(this.#port.nowMs());
    const place = { database: this.stored.database, retentionPolicy: '', now };
    try {
      await writeInto(
        told.map((changed) => changePoint(this.stored, changed)),
        ALERTS_MEASUREMENT,
        [],
        (lines) => write({ ...place, lines }),
      );
    } catch (error) {
      // what is refused will be refused again; webhooks hear of it all the same
      if (!(error instanceof QueryError)) throw error;
      this.#fail('write', error.message);
    }
  }

  #delivered(outcome: DeliveryOutcome, why: string): void {
    this.#port.count(outcome, why);
    if (outcome !== 'retried') this.dirty = true;
    if (outcome !== 'delivered') this.#fail('webhook', why);
  }

  #forget(at: bigint): void {
    if (this.definition.rules.noData !== null || at < this.#forgetAt) return;
    this.#forgetAt = at + FORGOTTEN_AFTER / FORGETTING_PARTS;
    for (const [key, { state }] of this.#series) if (isForgotten(state, at)) this.#series.delete(key);
  }

  #fail(reason: AlertFailure, message: string): void {
    this.#failures++;
    this.#lastFailure = message;
    this.#port.failed(this.stored, reason, message);
  }
}

// private functions

function isForgotten(state: SeriesState, at: bigint): boolean {
  return state.level === null && !isPending(state) && at - state.end > FORGOTTEN_AFTER;
}
