/** The wire contract between clients and server. */
export * from './frames.ts';
export * from './row-key.ts';
