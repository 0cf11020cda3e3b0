/** What a change of an alert's level looks like outside: a point of `_alerts`, and the JSON body of a webhook. */
import { createHash } from 'node:crypto';
import { formatTime, textColumn, type Value } from '../../model/index.ts';
import type { ResultTable } from '../../query/index.ts';
import type { StoredAlert } from '../catalogue/index.ts';
import { ALERT_TAG, ALERTS_MEASUREMENT, OK } from './definition.ts';
import type { LevelChange } from './series-state.ts';
import type { Delivery } from './webhook.ts';

/** Whose level it is. */
export interface AlertSeries {
  readonly name: string;
  readonly tags: readonly (readonly [string, string])[];
}

/** Columns of the window that was judged last, without its time; absent ones are not there. */
export type JudgedRow = Readonly<Record<string, string | number | boolean>>;

export interface AlertChange {
  readonly series: AlertSeries;
  readonly change: LevelChange;
  readonly row: JudgedRow;
  /** ns. */
  readonly windowStart: bigint;
}

/** A point at the moment of the change: the same change is the same point, however often it is written. */
export function changePoint(alert: StoredAlert, { series, change, row }: AlertChange): ResultTable {
  const fields: readonly (readonly [string, string])[] = [
    ['level', change.level ?? OK],
    ['previous', change.previous ?? OK],
    ['reason', change.reason],
    ['measurement', series.name],
    ['row', JSON.stringify(row)],
  ];
  return {
    name: ALERTS_MEASUREMENT,
    tags: [...series.tags, [ALERT_TAG, alert.name]],
    columns: ['time', ...fields.map(([name]) => name)],
    rows: 1,
    data: [
      { type: 'time', base: change.at, offsets: new Float64Array(1) },
      ...fields.map(([, text]) => textColumn([text])),
    ],
  };
}

/** `id`: of the same change the same, of two reminders not. */
export function changeDelivery(alert: StoredAlert, changed: AlertChange, nowMs: number): Delivery {
  const { series, change, row, windowStart } = changed;
  const told = {
    alert: alert.name,
    database: alert.database,
    series: { name: series.name, tags: Object.fromEntries(series.tags) },
    level: change.level ?? OK,
    previous: change.previous ?? OK,
    reason: change.reason,
    time: formatTime(windowStart),
    at: formatTime(change.at),
    row,
  };
  const identity = [alert.created, told, change.reason === 'reminder' ? nowMs : 0];
  const id = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  return { id, body: JSON.stringify({ id, ...told }), atMs: nowMs };
}

/** Integers beyond JSON's are texts. */
export function jsonValue(value: NonNullable<Value>): string | number | boolean {
  return typeof value === 'bigint' ? String(value) : value;
}
