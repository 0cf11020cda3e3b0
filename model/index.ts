/** The vocabulary every other folder shares. No I/O, no clock, no Node. */
export * from './batch.ts';
export * from './block.ts';
export * from './checksum.ts';
export * from './column.ts';
export * from './compression.ts';
export * from './documents.ts';
export * from './envelope.ts';
export * from './kept-texts.ts';
export { addColumn, type RunningSums, type Stretches } from './kernels/index.ts';
export { BatchScratch } from './narrow.ts';
export * from './position.ts';
export * from './select-rows.ts';
export * from './series-choice.ts';
export * from './series-key.ts';
export * from './since.ts';
export * from './split.ts';
export * from './time.ts';
export * from './values.ts';
