/**
 * What databases are besides points: which there are, and their documents. The authority on the main thread, and what workers know of it.
 */
export { alertNamed, alertsOf, type CreateAlert, type StoredAlert } from './alerts.ts';
export { type BucketAdvice, bucketAdviceIn } from './bucket-advice.ts';
export { Catalogue, type CatalogueEdit, type CatalogueLink, type FoundCatalogue } from './catalogue.ts';
export {
  type ContinuousQuery,
  type CreateContinuousQuery,
  continuousQueriesOf,
  continuousQueryNamed,
} from './continuous-queries.ts';
export { Expiry } from './expiry.ts';
export {
  type Advice,
  adviceOf,
  type Described,
  type DescribedThing,
  describe,
  describedIn,
  type Metadata,
  metadataOf,
  seriesOfKey,
} from './metadata.ts';
export {
  AUTOGEN,
  defaultPolicy,
  expiredBefore,
  findPolicy,
  firstPolicy,
  hasPolicy,
  keptFrom,
  type PolicyClauses,
  policiesOf,
  policyNotFound,
  type RetentionPolicy,
  refuseName,
} from './policies.ts';
export { isCatalogueShow, showCatalogue } from './show.ts';
export { type CatalogueStatement, changesCatalogue, executeOnCatalogue, type PasswordHashing } from './statements.ts';
export { findUser, hasPrivilege, type Privilege, seesDatabase, type User, usersOf } from './users.ts';
export { type CatalogueNews, CatalogueView } from './view.ts';
