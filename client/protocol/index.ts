/** The wire contract between clients and server. */
export * from './frames.ts';
