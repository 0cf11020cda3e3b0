/**
 * QueryRunner: a text of statements → the bytes of an answer, on the worker that coordinates it. Each statement is planned when its
 * turn comes, sees what those before it did, and gets its own part of the answer; those behind one that failed are not executed.
 *
 *     text ──parse──▶ statements ──plan──▶ stage 1 on every shard ──partials──▶ stage 2 here ──tables──▶ encoder ──▶ pieces
 */
import type { Epoch } from '../../client/protocol/index.ts';
import type { Column, ControlEntry } from '../../model/index.ts';
import {
  answerOf,
  assertLive,
  chosenTags,
  countAnswer,
  countedStatement,
  explainPlan,
  type IntoTarget,
  measurementsOf,
  type Partial,
  type Plan,
  parse,
  print,
  QueryError,
  type ResultTable,
  type SelectStatement,
  type ShowContext,
  type ShowPart,
  type ShowStatement,
  type Statement,
  showAnswer,
  textTables,
} from '../../query/index.ts';
import { type AnswerFormat, encodeAnswer, type StatementAnswer } from './answers/index.ts';
import { type WriteLines, writeInto } from './into.ts';
import { ParsedTexts } from './parsed-texts.ts';
import { DEFAULT_RETENTION_POLICY, planOverShards, type ShardMesh } from './plan-over-shards.ts';

export interface QueryRequest {
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

export interface ShowCall {
  readonly shard: number;
  readonly statement: ShowStatement;
  readonly context: ShowContext;
}

const POLICY_COLUMNS = ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'];

export interface QueryRunnerOptions {
  readonly mesh: ShardMesh;
  /** Sorted. */
  readonly databases: () => readonly string[];
  /** Puts an entry into the stream of every shard; resolves when all have applied it. */
  readonly control: (entry: ControlEntry) => Promise<unknown>;
  /** Writes line protocol with times in ns; resolves when it is kept and can be read. */
  readonly write: WriteLines;
}

/** What a table stream is before its statement's error, if it has one, is known. */
type Tables = { readonly tables: AsyncIterable<ResultTable> | Iterable<ResultTable> };

export class QueryRunner {
  readonly #options: QueryRunnerOptions;
  readonly #parsed = new ParsedTexts();

  constructor(options: QueryRunnerOptions) {
    this.#options = options;
  }

  /** Canonical text of a single SELECT that can be live. Throws QueryError. */
  canonicalLive(text: string, database: string): string {
    const statements = this.#parsed.statements(text);
    const [statement] = statements;
    if (statements.length !== 1 || statement.kind !== 'select') {
      throw new QueryError('invalid', 'a subscription takes one SELECT statement');
    }
    assertLive(statement);
    const other = measurementsOf(statement).find((source) => source.database !== null && source.database !== database);
    if (other !== undefined) {
      throw new QueryError('invalid', `a subscription reads its own database, "${database}", not "${other.database}"`);
    }
    return print(statement);
  }

  /** Rejects with QueryError before the first piece where the text cannot be parsed; later errors are inside the answer. */
  async *run(request: QueryRequest): AsyncGenerator<Uint8Array> {
    const { text, params } = request;
    const statements = params === '' ? this.#parsed.statements(text) : parse(text, parseParams(params));
    if (request.readOnly) for (const statement of statements) refuseChange(statement);
    yield* encodeAnswer(this.#answers(statements, request), request);
  }

  // private functions

  async *#answers(statements: readonly Statement[], request: QueryRequest): AsyncGenerator<StatementAnswer> {
    let failed = false;
    for (const [number, statement] of statements.entries()) {
      if (failed) {
        yield { statement: number, error: 'not executed' };
        continue;
      }
      try {
        yield { statement: number, tables: (await this.#execute(statement, request)).tables };
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        yield { statement: number, error: error.message };
        failed = true;
      }
    }
  }

  async #execute(statement: Statement, { database, now }: QueryRequest): Promise<Tables> {
    const { control, databases } = this.#options;
    switch (statement.kind) {
      case 'create database':
        refusePolicyName(statement.retention?.name ?? null);
        if (!databases().includes(statement.database)) {
          await control({ type: 'create database', database: statement.database });
        }
        return { tables: [] };
      case 'drop database':
        if (databases().includes(statement.database)) {
          await control({ type: 'drop database', database: statement.database });
        }
        return { tables: [] };
      case 'select': {
        if (statement.into !== undefined)
          return { tables: [await this.#into(statement, statement.into, database, now)] };
        return { tables: (await this.#select(statement, database, now)).tables };
      }
      case 'explain':
        return { tables: await this.#explain(statement, database, now) };
      case 'show cardinality': {
        await this.#known(statement.database ?? database);
        const found = await this.#show(countedStatement(statement), database, now);
        return { tables: countAnswer(statement, found) };
      }
      case 'show databases':
        return {
          tables: textTables(
            'databases',
            ['name'],
            databases().map((name) => [name]),
          ),
        };
      case 'show retention policies':
        await this.#known(statement.database ?? database);
        return { tables: [policyTable()] };
      default: {
        await this.#known(statement.database ?? database);
        return { tables: showAnswer(statement, await this.#show(statement, database, now)) };
      }
    }
  }

  async #select(
    statement: SelectStatement,
    database: string,
    now: bigint,
  ): Promise<{ plan: Plan; tables: AsyncIterable<ResultTable> }> {
    const { mesh } = this.#options;
    for (const source of measurementsOf(statement)) await this.#known(source.database ?? database);
    const plan = await planOverShards(statement, database, now, mesh);
    const ask = (leaf: Plan): AsyncIterable<Partial>[] =>
      Array.from({ length: mesh.shards }, (_, shard) =>
        mesh.stream<Partial>(shard, 'partials', { shard, plan: { ...leaf, subqueries: [] } }),
      );
    return { plan, tables: answerOf(plan, ask) };
  }

  async #into(statement: SelectStatement, into: IntoTarget, database: string, now: bigint): Promise<ResultTable> {
    const target = into.database ?? database;
    await this.#known(target);
    const { tables } = await this.#select(statement, database, now);
    const place = { database: target, retentionPolicy: into.retentionPolicy ?? DEFAULT_RETENTION_POLICY };
    return writeInto(tables, into.measurement, chosenTags(statement.fields), (lines) =>
      this.#options.write({ ...place, lines }),
    );
  }

  async #explain(
    { analyze, select }: Statement & { kind: 'explain' },
    database: string,
    now: bigint,
  ): Promise<ResultTable[]> {
    const start = performance.now();
    const { plan, tables } = await this.#select(select, database, now);
    const lines = explainPlan(plan, this.#options.mesh.shards);
    if (!analyze)
      return textTables(
        '',
        ['QUERY PLAN'],
        lines.map((line) => [line]),
      );
    const planned = performance.now();
    let rows = 0;
    const series = new Set<string>();
    for await (const table of tables) {
      rows += table.rows;
      series.add(JSON.stringify([table.name, table.tags]));
    }
    lines.push(`ROWS: ${rows}`, `SERIES: ${series.size}`);
    lines.push(`PLANNING TIME: ${(planned - start).toFixed(3)}ms`);
    lines.push(`EXECUTION TIME: ${(performance.now() - planned).toFixed(3)}ms`);
    return textTables(
      '',
      ['EXPLAIN ANALYZE'],
      lines.map((line) => [line]),
    );
  }

  #show(statement: ShowStatement, database: string, now: bigint): Promise<ShowPart[][]> {
    const context: ShowContext = { database, defaultRetentionPolicy: DEFAULT_RETENTION_POLICY, now };
    return this.#options.mesh.callAll<ShowPart[]>(
      'show',
      (shard) => ({ shard, statement, context }) satisfies ShowCall,
    );
  }

  async #known(database: string): Promise<void> {
    if (database === '') throw new QueryError('invalid', 'database name required');
    if (!this.#options.databases().includes(database)) {
      throw new QueryError('invalid', `database not found: ${database}`);
    }
  }
}

// private functions

/** The one policy that every database has. */
function policyTable(): ResultTable {
  const texts = textTables('', POLICY_COLUMNS, [[DEFAULT_RETENTION_POLICY, '0s', '168h0m0s', '', '']])[0];
  const replicas: Column = { type: 'integer', values: Float64Array.of(1), present: null };
  const isDefault: Column = { type: 'boolean', values: Uint8Array.of(1), present: null };
  return { ...texts, data: [...texts.data.slice(0, 3), replicas, isDefault] };
}

function parseParams(text: string): Record<string, unknown> {
  if (text === '') return {};
  let params: unknown;
  try {
    params = JSON.parse(text);
  } catch (error) {
    throw new QueryError('parse', `error parsing query parameters: ${(error as Error).message}`);
  }
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new QueryError('parse', 'error parsing query parameters: expected a JSON object');
  }
  return params as Record<string, unknown>;
}

/** A database has one policy yet, which keeps all there is: durations are accepted, another name could not be asked for. */
function refusePolicyName(name: string | null): void {
  if (name === null || name === DEFAULT_RETENTION_POLICY) return;
  throw new QueryError(
    'invalid',
    `retention policy "${name}" cannot be made: every database has "${DEFAULT_RETENTION_POLICY}"`,
  );
}

function refuseChange(statement: Statement): void {
  const { kind } = statement;
  const writes = kind === 'select' && statement.into !== undefined;
  if (!writes && kind !== 'create database' && kind !== 'drop database') return;
  throw new QueryError('invalid', `${writes ? 'SELECT INTO' : kind.toUpperCase()} changes data: send it as POST`);
}
