/** Door of query/: the language, the planner, the functions and the runtime with its two drivers. Pure: no clock, disk or network. */
export * from './functions/index.ts';
export * from './language/index.ts';
export * from './planner/index.ts';
export * from './runtime/index.ts';
