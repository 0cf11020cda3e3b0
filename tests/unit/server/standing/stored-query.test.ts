/** How a stored query knows what it has written: where it begins, what it reads again from history, what it counts as a failure. */
import { join } from 'node:path';
import { expect } from 'chai';
import {
  DEFAULT_RULES,
  type LivePlan,
  type Plan,
  print,
  QueryError,
  type ResultTable,
} from '../../../../query/index.ts';
import { storedDefinition } from '../../../../server/standing/definition.ts';
import { Checkpoints, Line, type StandingBatch } from '../../../../server/standing/index.ts';
import { type FailureReason, StoredQuery } from '../../../../server/standing/stored-query.ts';
import { temporaryDirectory } from '../../../support/server.ts';

const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const TEXT = 'CREATE CONTINUOUS QUERY c ON d BEGIN SELECT sum(v) INTO d.rp.x FROM d.rp.m GROUP BY time(1m) END';
const STORED = { database: 'd', name: 'c', created: '1', text: TEXT, paused: false };
const PLAN = { window: { interval: MINUTE, origin: 0n }, kind: 'aggregate' } as unknown as Plan;

describe('stored query', () => {
  it('begins with the windows that may still change, and reads them from history', async () => {
    const run = await opened();
    await run.take({ watermark: 605n * SECOND, first: true });
    expect(run.read).to.deep.equal(['540 .. 600']);
    expect(run.mark().before).to.equal(540n * SECOND);
    await run.take({ watermark: 730n * SECOND, frozenBefore: 660n * SECOND, rows: [660] });
    expect(run.mark().before, 'moves with what is frozen').to.equal(660n * SECOND);
    expect(run.read).to.have.length(1);
    expect(run.lines.at(-1)).to.equal('x sum=1 660000000000');
  });

  it('that has seen no point begins with the first that comes, from a cursor till then', async () => {
    const run = await opened();
    await run.take({ watermark: null, first: true, cursor: 'c1' });
    const again = await run.again();
    expect(again.query.since()).to.equal('c1');
    await again.take({ watermark: null, first: true, cursor: 'c2' });
    await again.take({ watermark: 605n * SECOND, rows: [300, 600] });
    expect(again.read, 'all of it was live').to.deep.equal([]);
    expect(again.mark().before).to.equal(300n * SECOND);
    expect((await again.again()).query.since()).to.equal('');
  });

  it('that is opened again reads what is not frozen before it writes what is live', async () => {
    const run = await opened();
    await run.take({ watermark: 605n * SECOND, first: true });
    const again = await run.again();
    await again.take({ watermark: 700n * SECOND, first: true, rows: [600] });
    expect(again.read).to.deep.equal(['540 .. 660']);
    expect(again.lines).to.deep.equal(['x sum=1 540000000000', 'x sum=1 600000000000']);
    await again.take({ watermark: 710n * SECOND });
    expect(again.read, 'once').to.have.length(1);
  });

  it('goes on at the pace of the clock while nothing comes after it was opened again', async () => {
    const run = await opened();
    await run.take({ watermark: 605n * SECOND, first: true });
    const again = await run.again();
    const tick = (seconds: number): Promise<void> => {
      again.clock.ms += seconds * 1000;
      return again.take({ watermark: null, first: seconds === 0 });
    };
    await tick(0);
    expect(again.read).to.deep.equal(['540 .. 600']);
    await tick(10 + 54);
    expect(again.read, 'idle for 10 s, then 54 s from 605').to.have.length(1);
    await tick(1);
    expect(again.read.at(-1)).to.equal('540 .. 660');
    await again.take({ watermark: 725n * SECOND, rows: [660] });
    expect(again.read.at(-1), 'what the clock closed is told by points').to.equal('540 .. 720');
  });

  it('reads a long range in parts', async () => {
    const run = await opened();
    await run.query.refresh(0n, 2500n * MINUTE);
    expect(run.read).to.deep.equal(['0 .. 60000', '60000 .. 120000', '120000 .. 150000']);
  });

  it('counts what is refused and goes on; what breaks it does not take', async () => {
    const run = await opened();
    run.refusal = new QueryError('invalid', 'retention policy not found: rp');
    await run.take({ watermark: 605n * SECOND, first: true });
    run.refusal = new Error('the disk is full');
    const rejected = await run
      .take({ watermark: 700n * SECOND, frozenBefore: 600n * SECOND, rows: [600] })
      .catch(String);
    expect(rejected).to.equal('Error: the disk is full');
    expect(run.mark().before, 'not moved').to.equal(540n * SECOND);
    expect(run.failures).to.deep.equal(['write retention policy not found: rp']);
    run.refusal = null;
    run.tooMuch = new QueryError('invalid', 'max-select-point limit exceeeded');
    await run.take({ watermark: 700n * SECOND, first: true });
    expect(run.failures.at(-1)).to.include('history windows from');
    expect(run.query.counts).to.deep.include({ points: 0, failures: 2 });
  });

  it('says when the stream no longer has what it missed', async () => {
    const run = await opened();
    await run.take({ watermark: null, first: true, cursor: 'c1' });
    const again = await run.again();
    again.query.since();
    await again.take({ watermark: 605n * SECOND, first: true, lost: 'it is no longer in the log' });
    await again.take({ watermark: 605n * SECOND, first: true, lost: 'the schema has changed' });
    expect(again.failures).to.deep.equal(['gap rows may be missing: it is no longer in the log']);
  });
});

// private functions

interface Said {
  readonly watermark: bigint | null;
  readonly first?: boolean;
  readonly lost?: string;
  readonly cursor?: string;
  readonly frozenBefore?: bigint;
  /** Starts of windows, s; one final row each. */
  readonly rows?: readonly number[];
}

class Run {
  readonly clock = { ms: 10_000_000 };
  /** Ranges of history, s. */
  readonly read: string[] = [];
  readonly lines: string[] = [];
  readonly failures: string[] = [];
  refusal: Error | null = null;
  tooMuch: Error | null = null;
  readonly query: StoredQuery;
  readonly #checkpoints: Checkpoints;
  readonly #directory: string;

  constructor(checkpoints: Checkpoints, directory: string) {
    this.#checkpoints = checkpoints;
    this.#directory = directory;
    this.query = new StoredQuery(STORED, storedDefinition(STORED), {
      checkpoints,
      nowMs: () => this.clock.ms,
      histories: new Line(1),
      select: async (statement) => ({ plan: PLAN, tables: this.#history(print(statement)) }),
      write: async ({ lines }) => {
        if (this.refusal !== null) throw this.refusal;
        const written = new TextDecoder().decode(lines).trimEnd().split('\n');
        this.lines.push(...written);
        return { rows: written.length, message: null };
      },
      writtenLate: () => {},
      written: () => {},
      failed: (_query, reason: FailureReason, message) => this.failures.push(`${reason} ${message}`),
    });
  }

  take({ watermark, first = false, lost = '', cursor = '', frozenBefore, rows = [] }: Said): Promise<void> {
    const live = { plan: PLAN, rules: DEFAULT_RULES, fills: false } as LivePlan;
    const tables = rows.map((start) => tableAt(BigInt(start) * SECOND));
    const emissions = [{ final: true, rev: 0, phase: 'live', tables }] as StandingBatch['emissions'];
    return this.query.take({ emissions, watermark, first, lost, cursor, frozenBefore: frozenBefore ?? null, live });
  }

  mark(): ReturnType<Checkpoints['of']> {
    return this.#checkpoints.of(STORED);
  }

  /** As after a crash. */
  async again(): Promise<Run> {
    return new Run(await Checkpoints.open(this.#directory, 0, () => {}), this.#directory);
  }

  // private functions

  async *#history(text: string): AsyncGenerator<ResultTable> {
    const [from, to] = [...text.matchAll(/time (?:>=|<) (\d+)/g)].map(([, ns]) => BigInt(ns) / SECOND);
    this.read.push(`${from} .. ${to}`);
    if (this.tooMuch !== null) throw this.tooMuch;
    yield tableAt(from * SECOND);
  }
}

async function opened(): Promise<Run> {
  const directory = join(await temporaryDirectory(), 'standing');
  return new Run(await Checkpoints.open(directory, 0, () => {}), directory);
}

function tableAt(time: bigint): ResultTable {
  return {
    name: 'm',
    tags: null,
    columns: ['time', 'sum'],
    rows: 1,
    data: [
      { type: 'time', base: time, offsets: new Float64Array(1) },
      { type: 'float', values: Float64Array.of(1), present: null },
    ],
  };
}
