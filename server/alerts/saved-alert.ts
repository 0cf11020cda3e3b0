/**
 * The state of an alert on disk, so that a restart changes nothing: a file for each alert, written whole, beside the old one, and put in
 * its place when it is on the disk. An older one is no harm: what is behind its cursor is judged once more.
 *
 *     data/alerts/<created>.json      {"format":1,"alert":…,"cursor","streamTime","series":[…],"waiting":[…]}      times as texts, ns
 *
 * Any worker finds it by when the alert was created, however many workers there are.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredAlert } from '../catalogue/index.ts';
import type { AlertSeries, JudgedRow } from './changes.ts';
import type { LevelState, SeriesState } from './series-state.ts';
import type { Delivery } from './webhook.ts';

const FORMAT = 1;

export interface SavedSeries {
  readonly series: AlertSeries;
  readonly state: SeriesState;
  readonly row: JudgedRow;
}

export interface SavedAlert {
  /** Of the last batch that was taken; '' = none. */
  readonly cursor: string;
  /** Where the watermark stood, ns; null = there was none. */
  readonly streamTime: bigint | null;
  readonly series: readonly SavedSeries[];
  readonly waiting: readonly { readonly url: string; readonly deliveries: readonly Delivery[] }[];
}

/** null = it was never saved. Rejects where it cannot be read. */
export async function loadAlert(directory: string, { created }: StoredAlert): Promise<SavedAlert | null> {
  let text: string;
  try {
    text = await readFile(pathOf(directory, created), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const read = JSON.parse(text) as OnDisk<SavedAlert> & { readonly format: number };
  if (read.format !== FORMAT) throw new Error(`state of an alert in format ${read.format}: expected ${FORMAT}`);
  return readSaved(read);
}

/** Resolves when it is on the disk. */
export async function saveAlert(directory: string, alert: StoredAlert, saved: SavedAlert): Promise<void> {
  const path = pathOf(directory, alert.created);
  await mkdir(directory, { recursive: true });
  const file = await open(`${path}.new`, 'w');
  try {
    const whole = { format: FORMAT, alert: `${alert.database}.${alert.name}`, ...saved };
    await file.writeFile(`${JSON.stringify(whole, texts)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

export async function forgetAlert(directory: string, { created }: StoredAlert): Promise<void> {
  await rm(pathOf(directory, created), { force: true });
}

// private functions

type OnDisk<T> = T extends bigint
  ? string
  : T extends (infer E)[]
    ? OnDisk<E>[]
    : T extends object
      ? { [K in keyof T]: OnDisk<T[K]> }
      : T;

function pathOf(directory: string, created: string): string {
  return join(directory, `${created}.json`);
}

function texts(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function readSaved({ cursor, streamTime, series, waiting }: OnDisk<SavedAlert>): SavedAlert {
  return {
    cursor,
    streamTime: streamTime === null ? null : BigInt(streamTime),
    series: series.map((one) => ({ ...one, state: readState(one.state) })),
    waiting,
  };
}

function readState(state: OnDisk<SeriesState>): SeriesState {
  const read = ({ since, on }: OnDisk<LevelState>): LevelState => ({
    since: since === null ? null : BigInt(since),
    on,
  });
  return {
    ...state,
    start: BigInt(state.start),
    end: BigInt(state.end),
    levels: state.levels.map(read),
    before: state.before.map(read),
  };
}
