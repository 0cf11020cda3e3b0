/** Worker threads: the pool that owns the shards, and the engine over it that sessions call. */
export * from './engine.ts';
export * from './pool.ts';
