/** What a store does where its options do not say otherwise. */
import { FOOTER_BYTES_MAX, OPEN_FILES_MAX } from '../buckets/open-buckets.ts';
import { makePace } from './pace.ts';
import { RECLAIM_MS } from './reclaiming.ts';
import { SETTLED_MS } from './settling.ts';
import { nextTurn } from './sorted-rows.ts';
import type { StoreOptions, StoreSettings } from './types.ts';

/** Memory of rows in a shard's head before it is sealed: fewer and larger buckets against memory and time to start. */
export const HEAD_BYTES = 256 * 1024 * 1024;
/** After a sealing failed for lack of space. */
const RETRY_MS = 1_000;

export function settingsOf(options: StoreOptions): StoreSettings {
  return { ...DEFAULTS, pace: makePace(), cleanerPause: options.pause ?? nextTurn, ...options };
}

// private functions

const DEFAULTS = {
  headBytes: HEAD_BYTES,
  openFilesMax: OPEN_FILES_MAX,
  footerBytesMax: FOOTER_BYTES_MAX,
  retryMs: RETRY_MS,
  settledMs: SETTLED_MS,
  reclaimMs: RECLAIM_MS,
  sealed: ignore,
  failed: ignore,
  pause: nextTurn,
  warn: ignore,
  tier: null,
};

function ignore(): void {}
