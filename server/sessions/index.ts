/** Clients' side of the server: the engine port they call, and `openSessions`, which serves HTTP and WebSocket. */
export type { DoorLimits } from './door/door.ts';
export type { DoorAdapter } from './door/open-door.ts';
export * from './engine.ts';
export type { Gunzip } from './http/write.ts';
export { type LiveCounters, newLiveCounters } from './live/counters.ts';
export { openSessions, type Sessions, type SessionsOptions } from './sessions.ts';
