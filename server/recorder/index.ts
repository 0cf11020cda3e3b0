/** Stream → storage: what is published becomes durable and readable here. */
export * from './recorder.ts';
