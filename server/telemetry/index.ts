/** What the server says about itself: log, metrics, and the reports about host and process it writes into its own database. */
export * from './catalog.ts';
export * from './exposition.ts';
export * from './log.ts';
export * from './metrics.ts';
export * from './snapshot.ts';
