/**
 * Doors for data: line protocol to batches per shard, field types, gzip bodies, and the UDP door. Nothing here knows storage or queries.
 */
export * from './decoded.ts';
export * from './errors.ts';
export * from './field-types.ts';
export * from './gzip.ts';
export * from './limits.ts';
export * from './line-protocol.ts';
export * from './precision.ts';
export * from './udp.ts';
