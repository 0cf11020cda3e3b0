/** The wire contract between clients and server. */

export * from './backup.ts';
export * from './frames.ts';
export * from './row-key.ts';
export * from './tar.ts';
