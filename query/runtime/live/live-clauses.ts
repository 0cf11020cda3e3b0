/**
 * The clauses WATERMARK, LATENESS, EMIT and WITH as the time rules of a live query. What they may say and nothing does yet is refused,
 * and so is what says nothing: a clause that is read and not kept would be worse than none.
 */
import type { EmitClause, SelectStatement } from '../../language/ast.ts';
import { QueryError } from '../../language/errors.ts';
import { keptOptions } from '../../language/kept-options.ts';
import { printEmission } from '../../language/print-select.ts';
import { DEFAULT_RULES, type TimeRules } from './watermark.ts';

/** ON UPDATE without BATCH gathers changes for so long: 200 ms. */
const BATCH = 200_000_000n;

/** What of a list of EMIT decides when rows are sent. */
interface Emission {
  readonly closes: boolean;
  readonly revises: boolean;
  /** ns; null = changes are not sent by the clock. */
  readonly changes: bigint | null;
  readonly all: bigint | null;
  readonly afterRows: number | null;
}

/** Throws QueryError. */
export function timeRules({ watermark, lateness, emit, options }: SelectStatement): TimeRules {
  const recomputes = lateness?.after === 'recompute';
  const keepsLate = typeof lateness?.after === 'object';
  const rules: TimeRules = {
    delay: watermark?.delay ?? DEFAULT_RULES.delay,
    idle: watermark?.idle ?? DEFAULT_RULES.idle,
    ahead: watermark?.ahead ?? DEFAULT_RULES.ahead,
    lateness: lateness?.within ?? DEFAULT_RULES.lateness,
    emitEvery: DEFAULT_RULES.emitEvery,
    ...(recomputes && { recomputes }),
    ...(keepsLate && { keepsLate }),
    ...(watermark?.perSeries === true && { perSeries: true as const }),
    ...keptOptions(options),
  };
  if (emit === undefined) return rules;
  if (emit.some(({ on }) => on === 'final')) return finalRules(rules, emit);
  const emission = emissionOf(emit);
  if (!emission.revises && keepsLate) {
    refuse(
      'LATENESS with INTO takes the points that change no row any more, and EMIT without ON LATE changes none: add ON LATE',
    );
  }
  if (!emission.revises && (recomputes || (lateness !== undefined && lateness.within > 0n))) {
    refuse('LATENESS keeps windows open to late points, and EMIT without ON LATE never tells of them: add ON LATE');
  }
  return { ...rules, ...emissionRules(rules, emission) };
}

// private functions

/** Each row once, when it can change no more: what LATENESS allows to come late is waited for. */
function finalRules(rules: TimeRules, emit: readonly EmitClause[]): TimeRules {
  const other = emit.find(({ on }) => on !== 'final');
  if (other !== undefined) {
    const earlier = `${printEmission(other)} sends it before`;
    refuse(`EMIT FINAL sends each row once, when it can change no more, and ${earlier}: expected one of them`);
  }
  if (emit.length > 1) refuse('EMIT says FINAL twice');
  if (rules.recomputes) refuse('LATENESS with RECOMPUTE sends rows again, and EMIT FINAL sends each once');
  if (rules.keepsLate) refuse('LATENESS with INTO has no place beside EMIT FINAL: expected ON CLOSE, ON LATE');
  return { ...rules, delay: rules.delay + rules.lateness, lateness: 0n, finalOnly: true, sendsOnce: true };
}

function emissionOf(emit: readonly EmitClause[]): Emission {
  const said = new Map<string, EmitClause>();
  for (const clause of emit) {
    const kind = kindOf(clause);
    const before = said.get(kind);
    if (before !== undefined) {
      const both = `${printEmission(before)} and ${printEmission(clause)}`;
      refuse(`EMIT says twice when ${kind} are sent, by ${both}: expected one of them`);
    }
    said.set(kind, clause);
  }
  if (said.size === 1 && emit[0].on === 'late') {
    refuse('EMIT ON LATE sends rows again, and nothing says when they are sent first: add ON CLOSE');
  }
  let emission: Emission = {
    closes: said.has('closed windows'),
    revises: said.has('late changes'),
    changes: null,
    all: null,
    afterRows: null,
  };
  for (const clause of emit) {
    if (clause.on === 'update') emission = { ...emission, changes: clause.batch ?? BATCH };
    if (clause.on === 'every' && clause.ifChanged) emission = { ...emission, changes: clause.interval };
    if (clause.on === 'every' && !clause.ifChanged) emission = { ...emission, all: clause.interval };
    if (clause.on === 'rows') emission = { ...emission, afterRows: Number(clause.count) };
    if ('interval' in clause && clause.interval <= 0n) refuse('EMIT EVERY: expected a duration above zero');
    if ('count' in clause && clause.count <= 0) refuse('EMIT EVERY n ROWS: expected a number above zero');
  }
  return emission;
}

function kindOf(clause: EmitClause): string {
  switch (clause.on) {
    case 'close':
      return 'closed windows';
    case 'late':
      return 'late changes';
    case 'rows':
      return 'changes by the number of rows';
    case 'every':
      return clause.ifChanged ? 'changes' : 'all open rows';
    default:
      return 'changes';
  }
}

function emissionRules(rules: TimeRules, { closes, revises, changes, all, afterRows }: Emission): Partial<TimeRules> {
  const finalOnly = changes === null && all === null && afterRows === null;
  const slowest = [changes, all].reduce<bigint>((most, every) => (every !== null && every > most ? every : most), 0n);
  // what changed last in a window that closes silently is sent with the next tick, for which the window is kept
  const held = afterRows === null ? slowest : rules.lateness;
  return {
    emitEvery: finalOnly ? rules.emitEvery : changes,
    ...(finalOnly && { finalOnly: true }),
    ...(all !== null && { emitAllEvery: all }),
    ...(afterRows !== null && { emitAfterRows: afterRows }),
    ...(!closes && { closesSilently: true }),
    ...(!revises && { sendsOnce: true, lateness: closes ? 0n : held }),
  };
}

function refuse(what: string): never {
  throw new QueryError('invalid', `live query: ${what}`);
}
