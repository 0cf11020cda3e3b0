/** Where old buckets lie: the adapters that need a network, and the URL that names one. */
export { Passing, type Patience, patiently } from './patience.ts';
export { PART_BYTES, S3Objects, type S3Options } from './s3-objects.ts';
export { checkTier, type Environment, openTier, type TierEvents } from './tier-url.ts';
