/** Door of the functions: the contract of an aggregate's state, the table of functions and the making of a state. */
export type * from './aggregate.ts';
export { createState, FUNCTIONS, type FunctionShape } from './create.ts';
export { isMath } from './math.ts';
export { TRANSFORMS } from './transform.ts';
