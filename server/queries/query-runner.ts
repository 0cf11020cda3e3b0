/**
 * QueryRunner: a text of statements → the bytes of an answer, on the worker that coordinates it. Each statement is planned when its
 * turn comes, sees what those before it did, and gets its own part of the answer; those behind one that failed are not executed.
 * Long, as every kind of statement has its line here.
 *
 *     text ──parse──▶ statements ──plan──▶ stage 1 on every shard ──partials──▶ stage 2 here ──tables──▶ encoder ──▶ pieces
 */
import type { Epoch } from '../../client/protocol/index.ts';
import type { ControlEntry } from '../../model/index.ts';
import {
  assertLive,
  assertWritesNothing,
  type CountStatement,
  checkCount,
  countAnswer,
  countedStatement,
  givenInTurns,
  type IntoTarget,
  isEstimate,
  type Limits,
  measurementsOf,
  parse,
  print,
  QueryError,
  type ResultTable,
  type SelectStatement,
  ShapeParser,
  type Shown,
  type ShowStatement,
  type Statement,
  showAnswer,
  type Turn,
} from '../../query/index.ts';
import {
  type CatalogueStatement,
  type CatalogueView,
  changesCatalogue,
  isCatalogueShow,
  showCatalogue,
  type User,
} from '../catalogue/index.ts';
import { admit, parseParams, userOf } from './admission.ts';
import { type AnswerFormat, encodeAnswer, type StatementAnswer } from './answers/index.ts';
import { withEdges } from './cumulated.ts';
import { deleteOverShards } from './deletes.ts';
import { explainAnswer } from './explain-answer.ts';
import { type WriteLines, writeRows } from './into.ts';
import type { ShardMesh } from './plan-over-shards.ts';
import { policyNamed } from './policy-names.ts';
import type { QueriesUnderWay } from './running-queries.ts';
import { type SelectRequest, SelectRunner, type ShardReading } from './select-runner.ts';
import { countRows, seriesBySpan } from './series-by-span.ts';
import { showOverShards } from './show-over-shards.ts';
import { shownQueries } from './shown-queries.ts';
import { STATS_DATABASE, shownState, statsAsked, withoutTime } from './shown-state.ts';
import {
  endedBy,
  isBySeries,
  notExecuted,
  notSupported,
  ShowError,
  textsOf,
  watched,
  whileShowing,
} from './statement-answers.ts';

export interface QueryRequest {
  /** By which it may be ended. */
  readonly id: number;
  /** null = may do everything; '' = nobody, while there are no users. */
  readonly user: string | null;
  readonly text: string;
  readonly database: string;
  readonly format: AnswerFormat;
  readonly epoch: Epoch | null;
  readonly pretty: boolean;
  readonly chunkRows: number;
  /** JSON object of bind parameters, '' = none. */
  readonly params: string;
  readonly readOnly: boolean;
  /** ns. */
  readonly now: bigint;
}

export interface QueryRunnerOptions {
  readonly mesh: ShardMesh;
  readonly catalogue: CatalogueView;
  /** Puts an entry into the stream of every shard; resolves when all have applied it. */
  readonly control: (entry: ControlEntry) => Promise<unknown>;
  /** Resolves when all shards and workers know of it; rejects with QueryError. */
  readonly change: (statement: CatalogueStatement, database: string) => Promise<unknown>;
  /** Writes line protocol with times in ns; resolves when it is kept and can be read. */
  readonly write: WriteLines;
  /** How a query shares the thread. */
  readonly turn: (signal: AbortSignal) => Turn;
  readonly limits: Limits;
  /** Those under way on all workers. */
  readonly running: () => Promise<QueriesUnderWay>;
  /** What is wrong, null = that query will end. */
  readonly kill: (id: number) => Promise<string | null>;
  /** The statements about what is stored and runs by itself; null = it is none of them. Rejects with QueryError. */
  readonly stored: (statement: Statement, run: StoredRun) => Promise<Tables['tables'] | null>;
}

/** What a statement about stored queries is executed with. */
export interface StoredRun {
  readonly database: string;
  /** null = sees everything. Throws AccessError. */
  readonly user: () => User | null;
  /** ns. */
  readonly now: bigint;
  readonly signal: AbortSignal;
}

/** A query under way: the signal ends it, with what its statement is told. */
interface Run {
  readonly request: QueryRequest;
  readonly signal: AbortSignal;
  readonly turn: Turn;
}

type Tables = { readonly tables: AsyncIterable<ResultTable> | Iterable<ResultTable> };

export class QueryRunner {
  readonly #options: QueryRunnerOptions;
  readonly #selects: SelectRunner;
  readonly #parser = new ShapeParser();
  /** Of the queries under way, by their ids: abort the signal that each runs by. */
  readonly #ends = new Map<number, (reason: QueryError) => void>();

  constructor(options: QueryRunnerOptions) {
    this.#options = options;
    this.#selects = new SelectRunner(options);
  }

  /** Canonical text of a single SELECT that can be live. Throws QueryError. */
  canonicalLive(text: string, database: string): string {
    const statements = this.#parser.parse(text);
    const [statement] = statements;
    if (statements.length !== 1 || statement.kind !== 'select') {
      throw new QueryError('invalid', 'a subscription takes one SELECT statement');
    }
    assertLive(statement);
    assertWritesNothing(statement);
    const other = measurementsOf(statement).find((source) => source.database !== null && source.database !== database);
    if (other !== undefined) {
      throw new QueryError('invalid', `a subscription reads its own database, "${database}", not "${other.database}"`);
    }
    return print(statement);
  }

  /**
   * Rejects with QueryError before the first piece where the text cannot be parsed; later errors are inside the answer. The signal
   * aborts when the client wants no more, and when `end` is called, with the reason that the statement under way is told.
   */
  async *run(
    request: QueryRequest,
    signal: AbortSignal,
    end?: (reason: QueryError) => void,
  ): AsyncGenerator<Uint8Array> {
    const { text, params, id } = request;
    const statements = params === '' ? this.#parser.parse(text) : parse(text, parseParams(params));
    admit(statements, request, this.#options.catalogue);
    if (end !== undefined) this.#ends.set(id, end);
    try {
      signal.throwIfAborted();
      yield* encodeAnswer(this.#answers(statements, { request, signal, turn: this.#options.turn(signal) }), request);
    } finally {
      this.#ends.delete(id);
    }
  }

  /** A statement under way fails with this message, those behind it are not executed. */
  end(id: number, message: string): void {
    this.#ends.get(id)?.(new QueryError('invalid', message));
  }

  // private functions

  async *#answers(statements: readonly Statement[], run: Run): AsyncGenerator<StatementAnswer> {
    let failed = false;
    for (const [number, statement] of statements.entries()) {
      try {
        run.signal.throwIfAborted();
        const { tables } = await this.#execute(statement, run);
        const fail = (): void => {
          failed = true;
        };
        yield { statement: number, tables: watched(tables, fail), bySeries: isBySeries(statement) };
        if (failed) {
          yield* notExecuted(number, statements.length, run.request);
          return;
        }
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        if (error instanceof ShowError) {
          yield { statement: number, error: error.message };
          continue;
        }
        yield* endedBy(error.message, number, statements.length, run.request);
        return;
      }
    }
  }

  async #execute(statement: Statement, run: Run): Promise<Tables> {
    const { change, catalogue } = this.#options;
    const { database, now } = run.request;
    const user = (): User | null => userOf(run.request, catalogue);
    const stored = await this.#options.stored(statement, { database, user, now, signal: run.signal });
    if (stored !== null) return { tables: stored };
    if (changesCatalogue(statement)) {
      await change(statement, database);
      return { tables: [] };
    }
    if (isCatalogueShow(statement)) {
      if ('database' in statement) this.#known(statement.database ?? database);
      return { tables: showCatalogue(statement, database, catalogue, userOf(run.request, catalogue)) };
    }
    switch (statement.kind) {
      case 'select':
        if (statement.into !== undefined) return { tables: [await this.#into(statement, statement.into, run)] };
        return { tables: (await this.#select(statement, run, { texts: textsOf(run.request) })).tables };
      case 'explain':
        return { tables: await this.#explain(statement, run) };
      case 'show queries': {
        const running = await this.#options.running();
        return { tables: shownQueries(running, (text) => this.#parser.parse(text)) };
      }
      case 'kill query': {
        const refused = await this.#options.kill(Number(statement.id));
        if (refused !== null) throw new QueryError('invalid', refused);
        return { tables: [] };
      }
      case 'show stats':
        return { tables: await this.#stats(statement.module, run) };
      case 'show diagnostics':
      case 'show shards':
      case 'show shard groups':
        return { tables: shownState(statement, { catalogue, now, shards: this.#options.mesh.shards }) };
      case 'show cardinality':
        return { tables: await this.#count(statement, run) };
      case 'show measurements':
      case 'show tag keys':
      case 'show tag values':
      case 'show field keys':
      case 'show series': {
        const asked = statement.database ?? database;
        // as InfluxDB, which shows none of a database that is not there
        if (statement.kind === 'show measurements' && asked !== '' && !this.#options.catalogue.has(asked)) {
          return { tables: [] };
        }
        this.#known(asked);
        const shown = await this.#show(statement, run);
        return { tables: givenInTurns(showAnswer(statement, shown), run.turn) };
      }
      case 'delete':
      case 'drop series':
      case 'drop measurement':
        this.#known(database);
        await deleteOverShards(statement, database, now, this.#options);
        return { tables: [] };
      default:
        throw notSupported(statement);
    }
  }

  async #select(statement: SelectStatement, run: Run, how?: Pick<SelectRequest, 'texts' | 'read'>) {
    const { database, now } = run.request;
    for (const source of measurementsOf(statement)) this.#known(source.database ?? database);
    return this.#selects.select(statement, { ...run, database, now, ...how });
  }

  /** Nothing where the server does not write them. */
  async #stats(module: string | null, run: Run): Promise<Tables['tables']> {
    if (!this.#options.catalogue.has(STATS_DATABASE)) return [];
    const place = { ...run, database: STATS_DATABASE, now: run.request.now };
    return withoutTime((await this.#selects.select(statsAsked(module), place)).tables);
  }

  async #into(statement: SelectStatement, into: IntoTarget, run: Run): Promise<ResultTable> {
    const target = into.database ?? run.request.database;
    this.#known(target);
    const asked = withEdges(statement);
    const { tables } = await this.#select(asked, run);
    const place = {
      database: target,
      retentionPolicy: policyNamed(into.retentionPolicy, target, this.#options.catalogue),
    };
    return writeRows(asked, tables, into.measurement, (lines) =>
      this.#options.write({ ...place, now: run.request.now, lines }),
    );
  }

  async #explain({ analyze, select }: Statement & { kind: 'explain' }, run: Run): Promise<ResultTable[]> {
    const [beganMs, read]: [number, ShardReading[]] = [performance.now(), []];
    const planned = await this.#select(select, run, { read });
    return explainAnswer({ ...planned, shards: this.#options.mesh.shards, beganMs, analyze, read });
  }

  async #show(asked: ShowStatement, { request, signal, turn }: Run): Promise<Shown> {
    const { database, now } = request;
    try {
      return await showOverShards(asked, { database, now, signal, turn }, this.#options);
    } catch (error) {
      signal.throwIfAborted();
      throw whileShowing(asked, error);
    }
  }

  async #count(statement: CountStatement, run: Run): Promise<ResultTable[]> {
    const { catalogue } = this.#options;
    const database = statement.database ?? run.request.database;
    const isWhole = isEstimate(statement);
    // as InfluxDB, which estimates none of a database that is not there
    const isNone =
      isWhole && /^(series|measurement)$/.test(statement.of) && database !== '' && !catalogue.has(database);
    if (isNone) return countAnswer(statement, new Map());
    this.#known(database);
    checkCount(statement);
    if (statement.of !== 'series' || isWhole) {
      return countAnswer(statement, (await this.#show(countedStatement(statement), run)).counts(statement));
    }
    const answers = [];
    for (const select of seriesBySpan(statement, database, catalogue)) answers.push(await this.#select(select, run));
    return countAnswer(statement, await countRows(answers.map(({ tables }) => tables)));
  }

  /** Throws QueryError. */
  #known(database: string): void {
    if (database === '') throw new QueryError('invalid', 'database name required');
    if (this.#options.catalogue.has(database)) return;
    throw new QueryError('invalid', `database not found: ${database}`);
  }
}
