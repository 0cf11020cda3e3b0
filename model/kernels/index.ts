/** Code that is put together as WebAssembly, and the memory it works in. Sums of doubles by such code; others bring their own. */
export * from './instructions.ts';
export * from './memory.ts';
export * from './module.ts';
export * from './stretch-sums.ts';
export { STRANDS } from './sum-kernels.ts';
export * from './vectors.ts';
