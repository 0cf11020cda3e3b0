/**
 * SelectRunner: a SELECT → its plan and the tables of its answer, over all shards. Plans are made over schemas that were asked for
 * before, as long as they hold: every shard is told the version of its schema that the plan stands on, looks at it in the turn in
 * which it pins what it reads, and refuses where another one holds by now. Then the shards are asked anew and the plan is made again;
 * no table has been given before all shards have agreed. Of a statement that differs from the one before it in its condition only, only
 * that is planned (query/planner/plan-frame.ts). A shard that has nothing for the plan is not asked (shards-asked.ts).
 */
import {
  answerOf,
  choosesSeries,
  inTurns,
  type Limits,
  type PaneStore,
  type Partial,
  type Plan,
  type PlanFrame,
  planFrame,
  planLike,
  planSelect,
  QueryError,
  type ResultTable,
  type SelectStatement,
  type Shown,
  showsRows,
  type Turn,
  unbatched,
} from '../../query/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import {
  gatherSchemas,
  type KnownSchemas,
  matchersOf,
  type PartialsCall,
  planContext,
  type ShardMesh,
  type TextFormat,
} from './plan-over-shards.ts';
import { namePolicies } from './policy-names.ts';
import { readsNoSeries, seriesAsked, seriesLeft } from './series-limit.ts';
import { shardsAsked } from './shards-asked.ts';
import { showOverShards } from './show-over-shards.ts';
import { isOfInput, isOfTypes, pointOfWeeks } from './unknown-types.ts';

/** Sets of measurements whose schemas are remembered: those that the panels of some dozens of dashboards read. */
const REMEMBERED_MAX = 256;

const NOTHING_READ: ShardReading = { series: 0, rows: 0, blocks: 0, blocksByStatistics: 0, ms: 0 };

/** A shard's schema is not the one that the plan was made over. */
export class StaleSchema extends Error {
  readonly code = 'stale';
  constructor() {
    super('the schema of the shard has changed');
  }
}

export interface SelectRequest {
  readonly database: string;
  /** ns. */
  readonly now: bigint;
  readonly signal: AbortSignal;
  readonly turn: Turn;
  /** Tables of raw rows may have texts instead of values; not there = they may not. */
  readonly texts?: TextFormat | undefined;
  /** By shard: what it read for this answer is added up here. Not there = nobody wants to know. */
  readonly read?: ShardReading[];
}

/** What a shard read, and how long its answers were waited for. */
export interface ShardReading {
  series: number;
  rows: number;
  blocks: number;
  blocksByStatistics: number;
  ms: number;
}

export interface SelectRunnerOptions {
  readonly mesh: ShardMesh;
  readonly catalogue: CatalogueView;
  readonly limits: Limits;
}

export class SelectRunner {
  readonly #options: SelectRunnerOptions;
  /** By what is read, in the order in which they were asked for. */
  readonly #remembered = new Map<string, KnownSchemas>();
  /** By the fields asked for, which statements of one shape share: the plan of the last of them. */
  readonly #framed = new WeakMap<SelectStatement['fields'], Framed>();

  constructor(options: SelectRunnerOptions) {
    this.#options = options;
  }

  /** Rejects with QueryError. */
  async select(
    statement: SelectStatement,
    request: SelectRequest,
  ): Promise<{ plan: Plan; tables: AsyncIterable<ResultTable> }> {
    const planned = await this.#limited(statement, request, await this.#planned(statement, request));
    return { plan: planned.plan, tables: this.#tables(statement, request, planned) };
  }

  // private functions

  async *#tables(statement: SelectStatement, request: SelectRequest, planned: Planned): AsyncGenerator<ResultTable> {
    try {
      yield* this.#answer(planned, request);
    } catch (error) {
      if (!isStale(error)) throw error;
      const anew = await this.#limited(statement, request, await this.#plannedAnew(statement, request));
      yield* this.#tables(statement, request, anew);
    }
  }

  async #limited(statement: SelectStatement, request: SelectRequest, planned: Planned): Promise<Planned> {
    if (!choosesSeries(planned.plan)) return planned;
    const shown = await this.#seriesOf(statement, request, planned.plan);
    const onlySeries = await inTurns(seriesLeft(planned.plan, shown), request.turn);
    return { ...planned, plan: { ...planned.plan, onlySeries } };
  }

  #seriesOf(statement: SelectStatement, request: SelectRequest, plan: Plan): Promise<Shown> {
    return showOverShards(seriesAsked(statement, plan), request, this.#options);
  }

  /** Whether InfluxDB would not come to know the types of what a statement reads, and so not refuse it for them. */
  async #isOfUnknownTypes(statement: SelectStatement, request: SelectRequest, known: KnownSchemas, error: QueryError) {
    if (isOfInput(error) && readsNoSeries(statement)) return true;
    const plan = pointOfWeeks(statement, planContext(known, request.database, request.now));
    const { signal, turn, database, now } = request;
    let points = 0;
    const probe = this.#answer({ plan, versions: known.versions }, { signal, turn, database, now });
    for await (const { rows } of probe) points += rows;
    if (points === 0 || !isOfInput(error)) return points === 0;
    const shown = await this.#seriesOf(statement, request, plan);
    return shown.names.every((name) => shown.rows(name).length === 0);
  }

  #answer({ plan, versions }: Planned, request: SelectRequest): AsyncGenerator<ResultTable> {
    const { mesh, limits } = this.#options;
    const { signal, turn, read } = request;
    const texts = request.texts !== undefined && showsRows(plan) ? request.texts : null;
    if (read !== undefined) for (let shard = 0; shard < mesh.shards; shard++) read[shard] ??= { ...NOTHING_READ };
    const ask = (leaf: Plan, home: PaneStore | null): AsyncIterable<Partial>[] => {
      const asked = shardsAsked(leaf, versions, mesh);
      if (asked === null) throw new StaleSchema();
      return asked.map((shard) => {
        const isCounted = read !== undefined;
        const leafPlan = { ...leaf, subqueries: [] };
        const place = mesh.isNear(shard) ? home : null;
        const call: PartialsCall = { shard, plan: leafPlan, version: versions[shard], texts, isCounted, home: place };
        const partials = mesh.isNear(shard)
          ? mesh.stream<Partial>(shard, 'near partials', call, signal)
          : unbatched(mesh.stream<readonly Partial[]>(shard, 'partials', call, signal));
        return read === undefined ? partials : observed(partials, read[shard]);
      });
    };
    return answerOf(plan, ask, turn, limits);
  }

  /** A plan that asks no shard, and an error, are not checked by the shards: they count only over schemas of now. */
  async #planned(statement: SelectStatement, request: SelectRequest): Promise<Planned> {
    const named = namePolicies(statement, request.database, this.#options.catalogue);
    try {
      const again = this.#plannedAgain(named, request);
      if (again !== null) return again;
      const known = this.#remembered.get(JSON.stringify(matchersOf(named, request.database)));
      const planned = known === undefined ? null : plannedOver(known, named, request);
      if (planned !== null && planned.plan.sources.length > 0) return this.#kept(planned, named, request);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
    }
    return this.#plannedAnew(statement, request);
  }

  /** As a statement that differs in its condition only was planned, over schemas that hold; null = none was. */
  #plannedAgain(named: SelectStatement, { database, now }: SelectRequest): Planned | null {
    const framed = this.#framed.get(named.fields);
    if (framed === undefined || framed.database !== database) return null;
    const { versions, frame } = framed;
    if (versions.some((version, shard) => this.#options.mesh.directory.version(shard) !== version)) return null;
    const plan = planLike(frame, named, now);
    return plan === null ? null : { plan, versions };
  }

  #kept(planned: Planned, named: SelectStatement, { database }: SelectRequest): Planned {
    const frame = planFrame(named, planned.plan);
    if (frame !== null) this.#framed.set(named.fields, { frame, versions: planned.versions, database });
    return planned;
  }

  async #plannedAnew(statement: SelectStatement, request: SelectRequest): Promise<Planned> {
    const { mesh, catalogue } = this.#options;
    const named = namePolicies(statement, request.database, catalogue);
    const matchers = matchersOf(named, request.database);
    const known = await gatherSchemas(matchers, mesh);
    const key = JSON.stringify(matchers);
    this.#remembered.delete(key);
    this.#remembered.set(key, known);
    if (this.#remembered.size > REMEMBERED_MAX) this.#remembered.delete(this.#remembered.keys().next().value!);
    try {
      return this.#kept(plannedOver(known, named, request), named, request);
    } catch (error) {
      if (!isOfTypes(error)) throw error;
      const isUnknown = await this.#isOfUnknownTypes(named, request, known, error).catch(staleAsNull);
      if (isUnknown === null) return this.#plannedAnew(statement, request);
      if (!isUnknown) throw error;
      return plannedOver({ ...known, measurements: [] }, named, request);
    }
  }
}

// private functions

/** Here, or on the shard's thread. */
function isStale(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'stale';
}

function staleAsNull(error: unknown): null {
  if (isStale(error)) return null;
  throw error;
}

async function* observed(partials: AsyncIterable<Partial>, reading: ShardReading): AsyncGenerator<Partial> {
  let askedMs = performance.now();
  for await (const partial of partials) {
    reading.ms += performance.now() - askedMs;
    if (partial.kind === 'counts') {
      reading.series += partial.series;
      reading.rows += partial.points;
      reading.blocks += partial.blocks;
      reading.blocksByStatistics += partial.blocksByStatistics;
    }
    yield partial;
    askedMs = performance.now();
  }
  reading.ms += performance.now() - askedMs;
}

/** `database`: that of the request. */
interface Framed {
  readonly frame: PlanFrame;
  readonly versions: readonly number[];
  readonly database: string;
}

interface Planned {
  readonly plan: Plan;
  /** Of each shard's schema. */
  readonly versions: readonly number[];
}

function plannedOver(known: KnownSchemas, named: SelectStatement, { database, now }: SelectRequest): Planned {
  return { plan: planSelect(named, planContext(known, database, now)), versions: known.versions };
}
