/** Door of the runtime: the ports it reads and answers through, the historical driver, SHOW, and the live driver. */
export { columnReader } from './columns.ts';
export * from './deletion.ts';
export * from './historical.ts';
export * from './limits.ts';
export * from './live-merge.ts';
export * from './live-plan.ts';
export * from './live-shard.ts';
export * from './live-stages.ts';
export * from './live-update.ts';
export { LiveView } from './live-view.ts';
export * from './panes.ts';
export * from './partial.ts';
export * from './result.ts';
export { RowCondition } from './row-condition.ts';
export * from './show.ts';
export * from './source.ts';
export { TABLE_ROWS_MAX } from './table-writer.ts';
export * from './watermark.ts';
