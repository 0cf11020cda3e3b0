/** How buckets should be cut, as documents of the catalogue say it, in the words of the shards' stores. */
import type { DocumentId } from '../../model/index.ts';
import type { Advice } from './metadata.ts';
import { policyOfDocument } from './policies.ts';
import type { CatalogueNews } from './view.ts';

export interface BucketAdvice {
  readonly scope: {
    readonly database: string;
    readonly retentionPolicy: string | null;
    readonly measurement: string | null;
  };
  /** null = as if nothing had been said. A policy's spans expire as a whole, so its buckets should lie within one. */
  readonly shape: { readonly bucketBytes?: number; readonly spanNs?: bigint } | null;
}

/** What the news say of buckets. */
export function bucketAdviceIn({ change: { put, remove } }: CatalogueNews): BucketAdvice[] {
  return [
    ...remove.filter(isAbout).map((id) => ({ scope: scopeOf(id), shape: null })),
    ...put.filter(isAbout).map((document) => {
      const scope = scopeOf(document);
      if (document.kind === 'retention policy') {
        return { scope, shape: { spanNs: policyOfDocument(document).shardDuration } };
      }
      const { bucketBytes, bucketWidth } = document.body as Advice;
      const spanNs = bucketWidth === undefined ? undefined : BigInt(bucketWidth);
      return { scope, shape: { bucketBytes, spanNs } };
    }),
  ];
}

// private functions

function isAbout({ kind }: DocumentId): boolean {
  return kind === 'retention policy' || kind === 'measurement advice';
}

function scopeOf({ kind, database, name }: DocumentId): BucketAdvice['scope'] {
  return kind === 'retention policy'
    ? { database, retentionPolicy: name, measurement: null }
    : { database, retentionPolicy: null, measurement: name };
}
