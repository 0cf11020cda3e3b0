/** What the server says about itself: log, metrics, and the reports about host and process it writes into its own database. */
export * from './catalog.ts';
export * from './exposition.ts';
export { type HostOptions, HostStats } from './host.ts';
export { type Row, rowsToLines } from './lines.ts';
export * from './log.ts';
export * from './metrics.ts';
export { type EventLoopLag, ProcessStats } from './process-stats.ts';
export * from './reporter.ts';
export * from './snapshot.ts';
export { threadCpuMs } from './thread-cpu.ts';
