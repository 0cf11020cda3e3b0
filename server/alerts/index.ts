/** Alerts: levels of series judged by the windows of a live query, told as points of `_alerts` and to webhooks. */
export { type AlertStatement, executeAlert, isAlertStatement } from './alert-statements.ts';
export { type AlertStatus, Alerts } from './alerts.ts';
export { post } from './post.ts';
