/**
 * Alerts: the alerts that have their home on this worker: opened and closed as the catalogue says, saved every so often, and asked how
 * they stand.
 *
 *     catalogue news ──▶ Alert ◀── StandingQuery ◀── live operator
 */
import type { Documents } from '../../model/index.ts';
import { alertNamed, type CatalogueNews, type StoredAlert } from '../catalogue/index.ts';
import { Followed, type Runs, type StandingPort, StandingQuery } from '../standing/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { Alert, type AlertCounts, type AlertPort } from './alert.ts';
import { type AlertDefinition, alertDefinition } from './definition.ts';
import { forgetAlert, loadAlert, type SavedAlert, saveAlert } from './saved-alert.ts';

/** How often what has changed is saved. */
const SAVE_INTERVAL_MS = 2_000;
/** How often an alert is saved of which only the cursor has moved. */
const SAVE_CURSOR_INTERVAL_MS = 60_000;
/** Of the time, for saving: an alert of very many series is saved less often. */
const SAVE_SHARE_MAX = 0.05;

export interface AlertStatus extends AlertCounts {
  readonly database: string;
  readonly name: string;
  readonly created: string;
}

export interface AlertsOptions extends AlertPort, StandingPort {
  readonly documents: Documents;
  readonly directory: string;
  /** Whether the live query of this text lives on this worker. */
  readonly isHome: (database: string, query: string) => boolean;
  readonly log: Logger;
}

interface Running extends Runs {
  readonly alert: Alert;
  /** It has taken its first rows and has a cursor on the disk, or could not be opened. */
  readonly begun: Promise<void>;
  save(): Promise<void>;
}

export class Alerts {
  readonly #options: AlertsOptions;
  readonly #followed: Followed<StoredAlert, Running>;
  #timer: NodeJS.Timeout | null = null;
  #saving: Promise<void> | null = null;

  constructor(options: AlertsOptions) {
    this.#options = options;
    this.#followed = new Followed({
      kind: 'alert',
      find: (database, name) => alertNamed(options.documents, database, name),
      same: (one, other) => one.created === other.created,
      open: (stored) => this.#open(stored),
    });
  }

  /** After the documents have followed the same news. */
  follow(news: CatalogueNews): void {
    this.#followed.follow(news);
    this.#timer ??= setInterval(() => {
      this.#saving ??= this.#save().finally(() => {
        this.#saving = null;
      });
    }, SAVE_INTERVAL_MS);
  }

  /** Resolves when what is written from now on is judged, whatever falls; at once where the alert is not here. */
  async settled(database: string, name: string): Promise<void> {
    await (await this.#followed.settled(database, name))?.begun;
  }

  statuses(): AlertStatus[] {
    return this.#followed.all().map(({ alert }) => {
      const { database, name, created } = alert.stored;
      return { database, name, created, ...alert.counts };
    });
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#saving;
    await this.#followed.close();
  }

  // private functions

  async #save(): Promise<void> {
    for (const running of this.#followed.all()) await running.save();
  }

  /** null = its home is elsewhere, or it cannot be read. */
  async #open(stored: StoredAlert): Promise<Running | null> {
    const { isHome, log } = this.#options;
    let definition: AlertDefinition;
    try {
      definition = alertDefinition(stored);
    } catch (error) {
      log.error('an alert cannot be read', { alert: stored.text, error: (error as Error).message });
      return null;
    }
    if (!isHome(definition.database, definition.query)) return null;
    const saved = await this.#load(stored);
    const alert = new Alert(stored, definition, saved, this.#options);
    const standing = new StandingQuery(definition, alert, this.#options);
    return this.#running(alert, standing);
  }

  #running(alert: Alert, standing: StandingQuery): Running {
    const { directory, log } = this.#options;
    const { database, name } = alert.stored;
    let savedMs = performance.now();
    let pauseMs = 0;
    let last: Promise<void> = Promise.resolve();
    async function write(): Promise<void> {
      const began = performance.now();
      alert.dirty = false;
      try {
        await saveAlert(directory, alert.stored, alert.saved());
      } catch (error) {
        alert.dirty = true;
        log.error('the state of an alert could not be saved', { database, name, error: (error as Error).message });
      }
      savedMs = performance.now();
      pauseMs = (savedMs - began) / SAVE_SHARE_MAX;
    }
    function save(): Promise<void> {
      last = last.then(write);
      return last;
    }
    return {
      alert,
      begun: standing.settled.then(save),
      save: async () => {
        const since = performance.now() - savedMs;
        if (alert.dirty ? since >= pauseMs : since >= SAVE_CURSOR_INTERVAL_MS) await save();
      },
      close: async (over) => {
        await standing.close();
        alert.close();
        await save();
        if (over) await forgetAlert(directory, alert.stored);
      },
    };
  }

  /** A state that cannot be read is left where it is until it is written over; the alert begins anew. */
  async #load(stored: StoredAlert): Promise<SavedAlert | null> {
    const { directory, log } = this.#options;
    try {
      return await loadAlert(directory, stored);
    } catch (error) {
      const { database, name } = stored;
      log.error('the state of an alert cannot be read: it begins anew', { database, name, error: String(error) });
      return null;
    }
  }
}
