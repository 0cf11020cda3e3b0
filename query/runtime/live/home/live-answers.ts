/**
 * Stage 2 of a live query over held rows: one whose rows are not sums of cells. The home holds the rows (or windows) that its answer is
 * made of, as far back as the answer may still change, answers the plan over them as history does, and sends what is different from
 * what it sent before. So it equals history by its making, whatever the plan; what it costs is that a change answers a whole part anew.
 *
 *     shards ──rows──▶ held, by part ──answer──▶ units (series, time) ──compared with what was sent──▶ emissions
 *
 * A part is what is answered alone: a group of windows of rows, else everything. A part is answered when rows have come and it is time
 * to tell (EMIT), or when the watermark reaches where its next rows become final.
 *
 * Order of calls, and what holds, as in live-merge.ts; besides: a unit that was sent and is no more (late rows join two sessions) is
 * sent as gone. What is settled at W − lateness is let go, and rows that come before it are counted and not taken.
 *
 * It is long because telling, settling and joining all change what is known of a unit.
 */
import { earlier, later, TIME_MAX, TIME_MIN } from '../../../../model/index.ts';
import { type Plan, windowStart } from '../../../planner/plan.ts';
import { areLocal, isJoin, isLimited, lookBackOf } from '../live-leaf-plans.ts';
import { changeableFrom, type LivePlan, startOfWindow, windowEnd } from '../live-plan.ts';
import { earliestTime } from '../live-rows.ts';
import { type Emission, type LiveUpdate, tooMany } from '../live-update.ts';
import { type LastHeard, PastWatermark, Watermark } from '../watermark.ts';
import { type AnswerNow, answerNow } from './answer-now.ts';
import { type AnswerPart, newPart } from './answer-part.ts';
import { EmitTicks } from './emit-ticks.ts';
import { HeldLeaves } from './held-leaves.ts';
import type { GroupTimes } from './held-rows.ts';
import { addCounts, type LiveFloor, newLiveCounters } from './live-standing.ts';
import { Outgoing, type Unit, unitsOf } from './told-units.ts';

/** Rows and windows that one query holds. */
export const HELD_ROWS_MAX = 2_000_000;
/** A part is settled, and answered for what has become final, at most this often. */
const SETTLE_GAP_MS = 1_000;
const FINALS_GAP_MS = 50;
/** The part of a query that is answered as a whole. */
const WHOLE = '';

/** The answer of a part from a time on. */
interface News {
  readonly answer: AnswerNow;
  readonly from: bigint;
}

export class LiveAnswers {
  readonly counters = newLiveCounters();
  /** That its last answer was made of. */
  joinedRows = 0;
  readonly #live: LivePlan;
  readonly #leaves: readonly Plan[];
  readonly #held: HeldLeaves;
  /** Rows read for who joins, until they have joined. */
  #past: HeldLeaves | null = null;
  /** What was read for them begins here. */
  #pastFrom = TIME_MIN;
  /** By leaf and shard: what is held of it begins here. */
  readonly #froms: bigint[];
  #wanted: bigint | null = null;
  /** How far before what may change rows are held; null = all are. */
  readonly #lookBack: bigint | null;
  #isJoined = false;
  /** What was settled here when the first client came is not known yet. */
  #beginAt: bigint | null = null;
  readonly #parts = new Map<string, AnswerPart>();
  readonly #byGroup: boolean;
  readonly #shards: number;
  readonly #started = new Set<number>();
  readonly #isJoin: boolean;
  /** What is told can be answered from a time on, for it depends on rows so far before and behind it. */
  readonly #isLocal: boolean;
  /** By shard; of a join by side and shard. */
  readonly #watermark: Watermark;
  readonly #moments = new PastWatermark();
  /** W − lateness as it was when parts were last settled. */
  #settledAt: bigint | null = null;
  #floor: LiveFloor = { watermark: null, rev: -1 };
  #goneRev = 0;
  #revMax = 0;
  readonly #ticks: EmitTicks;
  readonly #incomplete = new Set<number>();
  /** Earliest row that was ever held. */
  #earliest: bigint | null = null;

  /** `heard`: of the stream that the query reads, changed by who hears. */
  constructor(live: LivePlan, shards: number, heard: LastHeard | null = null) {
    this.#live = live;
    this.#shards = shards;
    this.#held = new HeldLeaves(live, shards);
    this.#leaves = this.#held.plans;
    this.#froms = new Array<bigint>(shards * this.#leaves.length).fill(TIME_MIN);
    this.#ticks = new EmitTicks(live.rules);
    // what is joined goes on with the slower of its sides
    this.#isJoin = isJoin(live.plan);
    this.#watermark = this.#isJoin
      ? new Watermark(shards * this.#leaves.length, live.rules)
      : new Watermark(shards, live.rules, heard);
    const [first] = this.#leaves;
    const isAlone = first === live.plan.subqueries[0] && first.kind === 'raw' && ![first, live.plan].some(isLimited);
    this.#byGroup = live.plan.rowWindow !== undefined && isAlone;
    this.#lookBack = lookBackOf(live.leaves!);
    this.#isLocal = areLocal(live.leaves!);
    if (!this.#byGroup) this.#part(WHOLE);
  }

  get watermark(): bigint | null {
    return this.#watermark.at;
  }

  /** What cursors say of the watermark. */
  get resumesAt(): bigint | null {
    return this.watermark;
  }

  /** Rows and windows that are held. */
  get cells(): number {
    return this.#held.rows;
  }

  get rev(): number {
    return Math.max(this.#goneRev, this.#revMax);
  }

  get settled(): boolean {
    if (this.#incomplete.size > 0) return false;
    for (const { dirty, waits } of this.#parts.values()) if (dirty || waits) return false;
    return true;
  }

  /** With no other query. */
  get shares(): null {
    return null;
  }

  /** Shards tell what they have when it is there. */
  get waitedMs(): number {
    return 0;
  }

  get expiredBefore(): bigint | null {
    let least = this.#settledAt;
    for (const { floor } of this.#parts.values()) {
      if (floor === null) return null;
      if (least !== null && floor < least) least = floor;
    }
    return least;
  }

  nextAdvanceMs(nowMs: number): number {
    let changes = Number.POSITIVE_INFINITY;
    let finalAt = TIME_MAX;
    const [tickMs, allMs] = [this.#ticks.changesMs(0), this.#ticks.allMs(0)];
    const at = this.#watermark.at;
    for (const part of this.#parts.values()) {
      if (part.dirty || part.waits) changes = Math.min(changes, tickMs);
      if (part.finalAt < TIME_MAX) changes = Math.min(changes, allMs);
      if (at !== null && part.finalAt <= at) changes = Math.min(changes, part.answeredAtMs + FINALS_GAP_MS);
      else if (part.finalAt < finalAt) finalAt = part.finalAt;
    }
    return finalAt === TIME_MAX ? changes : Math.min(changes, this.#watermark.reachesAtMs(finalAt, nowMs));
  }

  /**
   * Shards should give rows from this time on: windows that may still change may have begun before what is held. Until all have, nothing
   * is told. null = nothing is missing.
   */
  get wantedFrom(): bigint | null {
    return this.#wanted !== null && this.#wanted < this.#heldFrom ? this.#wanted : null;
  }

  /** Whether what was read for a client that comes back reaches far enough; false = it has to be read from further back. */
  readsEnough(watermark: bigint | null): boolean {
    const from = changeableFrom(this.#live, watermark);
    if (from === null || this.#past === null || !this.#reachesBefore(this.#past, this.#pastFrom, from)) return true;
    this.#past = null;
    return false;
  }

  accept(shard: number, update: LiveUpdate): void {
    if (this.#isJoin) {
      for (const [i, { reading }] of update.leaves!.entries()) {
        this.#watermark.observe(i * this.#shards + shard, reading);
      }
    } else this.#watermark.observe(shard, update.reading);
    const isHistory = update.kind === 'history';
    const isStart = !isHistory && !this.#started.has(shard);
    if (isHistory && this.#past === null) {
      this.#past = new HeldLeaves(this.#live, this.#shards);
      this.#pastFrom = TIME_MIN;
    }
    if (update.series !== undefined) {
      this.#held.choose(shard, update.series);
      this.#part(WHOLE).dirty = true;
    }
    for (const [i, leaf] of update.leaves!.entries()) {
      const plan = this.#leaves[i];
      // behind a stated lower bound there is nothing to ask for
      const isHeldFrom = !isHistory && leaf.from !== undefined && !plan.bounds.minStated;
      if (isHeldFrom) this.#froms[i * this.#shards + shard] = leaf.from!;
      if (plan.kind === 'aggregate') this.#takeCells(shard, i, leaf, isStart);
      else if (isHistory) this.#takePast(shard, i, leaf);
      else this.#takeRows(shard, i, leaf, isStart);
    }
    if (!isHistory) {
      this.#started.add(shard);
      if (update.complete) this.#incomplete.delete(shard);
      else this.#incomplete.add(shard);
    }
    if (this.cells > HELD_ROWS_MAX) throw tooMany('rows that its windows hold', HELD_ROWS_MAX);
  }

  /** No window is computed again. */
  takeWanted(): null {
    return null;
  }

  recomputed(): Emission[] {
    return [];
  }

  raise(floor: LiveFloor): void {
    if (floor.watermark === null) return;
    this.#earliest = TIME_MIN;
    const { watermark, rev } = this.#floor;
    this.#watermark.raise(floor.watermark);
    this.#floor = {
      watermark: watermark === null || floor.watermark > watermark ? floor.watermark : watermark,
      rev: Math.max(rev, floor.rev),
    };
    this.#want(floor.watermark - this.#live.rules.lateness);
    for (const { told } of this.#parts.values()) {
      this.#revMax = Math.max(this.#revMax, told.raise(floor.watermark, floor.rev));
    }
  }

  advance(nowMs: number): Emission[] {
    const out = new Outgoing('live');
    this.#step(nowMs, false, out);
    this.#settle(nowMs, out);
    return out.build();
  }

  subscribe(nowMs: number): { readonly live: Emission[]; readonly snapshot: Emission[] } {
    const before = new Outgoing('live');
    const at = this.#watermark.advance(nowMs);
    const all = this.#leaves.some(({ bounds }) => bounds.minStated);
    if (!this.#isJoined && at !== null && !all) this.#beginAt = at - this.#live.rules.lateness;
    this.#isJoined = true;
    this.#step(nowMs, true, before);
    const out = new Outgoing('snapshot');
    if (this.wantedFrom !== null) return { live: before.build(), snapshot: [] };
    this.#each(all, (part, answer, finalTo) => {
      for (const unit of unitsOf(answer.tables)) {
        if (all || unit.time >= finalTo) this.#show(part, unit, unit.time < finalTo, out);
      }
    });
    this.#past = null;
    return { live: before.build(), snapshot: out.build() };
  }

  resume(watermark: bigint | null, nowMs: number): { readonly live: Emission[]; readonly missed: Emission[] } {
    const before = new Outgoing('live');
    this.#step(nowMs, true, before);
    const out = new Outgoing('live');
    const changeable = changeableFrom(this.#live, watermark);
    const answers: { part: AnswerPart; units: Unit[]; finalTo: bigint }[] = [];
    let from = changeable ?? TIME_MIN;
    this.#each(true, (part, answer, finalTo) => {
      if (changeable !== null) from = earlier(from, answer.settled(changeable).before);
      answers.push({ part, units: [...unitsOf(answer.tables)], finalTo });
    });
    // which of the rows that the client holds there are no more is not known
    out.goneFrom(from);
    for (const { part, units, finalTo } of answers) {
      for (const unit of units) if (unit.time >= from) this.#show(part, unit, unit.time < finalTo, out);
    }
    this.#past = null;
    // an operator that has started anew on a stream behind the clock learns here where the stream stands
    const at = this.#watermark.at;
    if (at !== null) this.#want(at - this.#live.rules.lateness);
    return { live: before.build(), missed: out.build() };
  }

  leansOn(min: bigint, max: bigint): boolean {
    const { bounds } = this.#live.plan;
    return min <= bounds.max && max >= bounds.min && this.#earliest !== null && max >= this.#earliest;
  }

  // private functions

  /** What is held of all shards begins here. */
  get #heldFrom(): bigint {
    return this.#froms.reduce(later);
  }

  #part(key: string): AnswerPart {
    let part = this.#parts.get(key);
    if (part === undefined) {
      part = newPart(key, this.#settledAt);
      this.#parts.set(key, part);
    }
    return part;
  }

  #takeRows(shard: number, leaf: number, update: LiveUpdate, isStart: boolean): void {
    const held = this.#held.rowsOf(leaf);
    const { lasts = 0n, leads = null } = this.#live.leaves![leaf];
    if (!isStart) this.#judge(update, lasts);
    for (const [r, run] of update.runs.entries()) {
      const span = update.spans?.[r] ?? null;
      for (const news of held.take(shard, run, span, (key) => this.#timesOf(key, lasts))) {
        const part = this.#part(this.#byGroup ? news.key : WHOLE);
        part.dirty = true;
        if (news.rows > 0) part.changedFrom = earlier(part.changedFrom, minus(news.least, leads));
        // what it belongs to may have been there before the query was: rows of the other side, or of other shards
        if (this.#isJoin && news.rows > 0 && !isStart) this.#want(news.least - (leads ?? 0n));
        else if (news.rows > 0 && !isStart && news.least < this.#heldFrom)
          this.#want(startOfWindow(this.#live.plan, news.least));
        if (span !== null) part.changedFrom = earlier(part.changedFrom, minus(span.min, leads));
        part.least = earlier(part.least, news.least);
        const soonest = this.#closesSoonest(news.least);
        if (soonest < part.finalAt) part.finalAt = soonest;
        if (news.rows > 0) this.#holdsFrom(news.least);
        if (isStart || span !== null) continue;
        this.#ticks.count(news.rows);
        this.counters.onTime += news.rows - news.late;
        this.counters.late += news.late;
        this.counters.tooLate += news.tooLate;
      }
    }
  }

  #takePast(shard: number, leaf: number, { runs, from }: LiveUpdate): void {
    if (from !== undefined && from > this.#pastFrom) this.#pastFrom = from;
    for (const run of runs) this.#past!.rowsOf(leaf).take(shard, run, null, () => ({ floor: null, closed: null }));
  }

  #takeCells(shard: number, leaf: number, update: LiveUpdate, isStart: boolean): void {
    if (update.cells === null) return;
    const plan = this.#leaves[leaf];
    this.#held.cellsOf(leaf).replace(shard, update.cells);
    for (const window of update.cells.window)
      this.#holdsFrom(plan.window === null ? TIME_MIN : windowStart(plan, window));
    const part = this.#part(WHOLE);
    part.dirty = true;
    part.changedFrom = TIME_MIN;
    part.finalAt = TIME_MIN;
    if (isStart || update.kind === 'history') return;
    const { counts, touched } = update;
    addCounts(this.counters, counts);
    const at = this.#watermark.at;
    for (const [w, window] of touched.windows.entries()) {
      part.least = earlier(part.least, windowStart(plan, window));
      this.#ticks.count(touched.rows[w]);
      if (at !== null && windowEnd(plan, window) <= at) this.counters.late += touched.rows[w];
      else this.counters.onTime += touched.rows[w];
    }
  }

  /** Rows that may overwrite others, by the watermark: what window they are of is not known before they are read again. */
  #judge({ counts, touched }: LiveUpdate, lasts: bigint | null): void {
    addCounts(this.counters, counts);
    const at = this.#watermark.at;
    this.#ticks.count(touched.windows.length);
    const settledAt = this.#settledAt === null ? null : minus(this.#settledAt, lasts);
    for (const time of touched.windows) {
      if (settledAt !== null && time < Number(settledAt)) this.counters.tooLate++;
      else if (at !== null && time < Number(at)) this.counters.late++;
      else this.counters.onTime++;
    }
  }

  /** Rows from this time on may still change, and those that matter to them are wanted. */
  #want(time: bigint): void {
    if (this.#lookBack === null) return;
    const from = time - this.#lookBack;
    if (this.#wanted === null || from < this.#wanted) this.#wanted = from;
  }

  #holdsFrom(time: bigint): void {
    if (this.#earliest === null || time < this.#earliest) this.#earliest = time;
  }

  #timesOf(key: string, lasts: bigint | null): GroupTimes {
    const part = this.#parts.get(this.#byGroup ? key : WHOLE);
    const [floor, closed] = part === undefined ? [this.#settledAt, this.#watermark.at] : [part.floor, part.finalTo];
    return { floor: floor === null ? null : minus(floor, lasts), closed };
  }

  /** The least W at which something that holds a row of this time may be final. */
  #closesSoonest(time: bigint): bigint {
    const { rowWindow } = this.#live.plan;
    const isGap =
      this.#byGroup && rowWindow?.of === 'session' && rowWindow.longest === null && rowWindow.edges === null;
    return time + (isGap ? rowWindow.gap : 1n);
  }

  #answer(part: AnswerPart, held = this.#held, from = TIME_MIN): AnswerNow {
    const tablesOf = (plan: Plan) => {
      const leaf = this.#leaves.indexOf(plan);
      // windows are held once, for who is there and who joins
      const rows = plan.kind === 'raw' ? held : this.#held;
      return rows.tables(leaf, this.#byGroup ? part.key : null, from === TIME_MIN ? null : from);
    };
    return answerNow(this.#live.plan, tablesOf, (rows) => (this.joinedRows = rows));
  }

  /** Its answer from the first row on that is not final, or not as it was told. */
  #news(part: AnswerPart): News {
    const from = this.#isLocal ? earlier(part.changedFrom, part.finalTo ?? TIME_MIN) : TIME_MIN;
    return { answer: this.#answer(part, this.#held, from), from };
  }

  /** What was settled before the first client came is nobody's news. False: not all is held that says what that is. */
  #begin(): boolean {
    const mark = this.#beginAt;
    if (mark === null) return true;
    const settled = [...this.#parts.values()].map((part) => {
      const answer = this.#answer(part);
      return this.#isWhole(answer, mark) ? ([part, answer.settled(mark).before] as const) : null;
    });
    if (settled.includes(null)) return false;
    for (const [part, before] of settled.filter((one) => one !== null)) {
      part.settledTo = before;
      part.floor = earlier(before, mark);
    }
    this.#settledAt = mark;
    this.#beginAt = null;
    return true;
  }

  /** Whether windows that may change at `mark` are held from their beginning; else rows from further back are wanted, twice as far. */
  #isWhole(answer: AnswerNow, mark: bigint): boolean {
    const heldFrom = this.#heldFrom;
    if (heldFrom === TIME_MIN || !answer.reachesBefore(heldFrom, mark)) return true;
    const at = this.#watermark.at ?? heldFrom;
    const reached = earlier(heldFrom, earliestTime(answer.tables) ?? heldFrom);
    this.#want(at < reached ? reached : reached - (at - reached));
    return this.wantedFrom === null;
  }

  #step(nowMs: number, flush: boolean, out: Outgoing): void {
    const at = this.#watermark.advance(nowMs);
    if (this.wantedFrom !== null || !this.#begin()) return;
    const all = this.#ticks.allDue(nowMs, 0);
    const isTick = flush || all || this.#ticks.changesDue(nowMs, 0);
    let told = false;
    for (const part of this.#parts.values()) {
      const settles = at === null ? TIME_MIN : at - this.#live.rules.lateness;
      // else a client that comes back with this watermark would take what was not told for settled
      const isPressed = at !== null && (part.least <= settles || part.finalAt <= settles);
      const changed = isPressed || (isTick && (part.dirty || part.waits || (all && part.finalAt < TIME_MAX)));
      const isFinal = at !== null && at >= part.finalAt && Math.abs(nowMs - part.answeredAtMs) >= FINALS_GAP_MS;
      if (!changed && !isFinal) continue;
      const news = this.#news(part);
      if (!this.#isWhole(news.answer, this.#settledAt ?? (at === null ? TIME_MIN : at - this.#live.rules.lateness)))
        return;
      this.#tell(part, news, all ? 'all' : changed ? 'changes' : 'finals', nowMs, out);
      told = true;
    }
    if (isTick && (told || all)) this.#ticks.told(nowMs, all);
  }

  /** Sends what is final and was not said, and where it is time what else has changed. */
  #tell(
    part: AnswerPart,
    { answer, from }: News,
    what: 'finals' | 'changes' | 'all',
    nowMs: number,
    out: Outgoing,
  ): void {
    const { finalOnly, closesSilently, sendsOnce } = this.#live.rules;
    const isTick = what !== 'finals';
    const at = this.#watermark.at;
    const { before, next } = at === null ? { before: TIME_MIN, next: TIME_MIN } : answer.settled(at);
    part.finalTo = before;
    part.finalAt = TIME_MAX;
    part.dirty = false;
    part.waits = false;
    if (isTick) part.least = TIME_MAX;
    part.answeredAtMs = nowMs;
    const { told } = part;
    told.begin();
    for (const unit of unitsOf(answer.tables)) {
      if (unit.time < part.settledTo || unit.time < from) continue;
      const final = unit.time < before;
      if (!final) part.finalAt = next;
      const known = told.meet(unit);
      const changed = known?.text !== unit.text;
      if (final) {
        const isRevision = known?.final === true;
        if (isRevision ? !changed || sendsOnce : !changed && closesSilently) continue;
        if (!isTick && (isRevision || closesSilently)) part.waits = true;
        else this.#sendFinal(part, unit, out);
      } else if ((changed || what === 'all') && !finalOnly) {
        if (!isTick) part.waits = true;
        else out.add(false, told.provisional(unit), unit);
      }
    }
    if (!isTick) part.waits ||= part.changedFrom < TIME_MAX;
    else {
      for (const unit of told.missing(later(part.settledTo, from))) {
        if (!(sendsOnce && unit.final)) out.gone(told.vanish(unit));
      }
    }
    part.changedFrom = part.waits ? from : TIME_MAX;
  }

  #sendFinal(part: AnswerPart, unit: Unit, out: Outgoing): void {
    const { told } = part;
    if (told.wasFinal(unit)) this.counters.revised++;
    const rev = told.final(unit, this.#firstRev(part, unit.time));
    this.#revMax = Math.max(this.#revMax, rev);
    out.add(true, rev, unit);
  }

  /** The revision of a unit's first final row in this life. */
  #firstRev(part: AnswerPart, time: bigint): number {
    const { watermark, rev } = this.#floor;
    const seen = watermark !== null && time < watermark;
    return Math.max(seen ? rev + 1 : 0, time < part.settledTo ? this.#goneRev : 0);
  }

  /** Shows a unit as it stands to one client; nothing about it changes for the others. */
  #show(part: AnswerPart, unit: Unit, final: boolean, out: Outgoing): void {
    const known = part.told.find(unit);
    // as the others have it, though what came since may change it again
    if (known?.final && known.text === unit.text) out.add(true, known.rev, unit);
    else if (!final) {
      if (this.#live.rules.finalOnly) return;
      part.told.shown(unit);
      out.add(false, known?.everFinal ? known.rev + 1 : 0, unit);
    } else if (unit.time < part.settledTo) out.add(true, this.#firstRev(part, unit.time), unit);
    else this.#sendFinal(part, unit, out);
  }

  /** Each part with its answer, over what was read for who joins, where something was read and `past` says so. */
  #each(past: boolean, act: (part: AnswerPart, answer: AnswerNow, finalTo: bigint) => void): void {
    const held = past && this.#past !== null ? this.#past : this.#held;
    const at = this.#watermark.at;
    for (const key of this.#keys(held)) {
      const part = this.#part(key);
      const answer = this.#answer(part, held);
      act(part, answer, at === null ? TIME_MIN : answer.settled(at).before);
    }
  }

  #keys(held: HeldLeaves): string[] {
    return this.#byGroup ? [...held.rowsOf(0).keys] : [WHOLE];
  }

  #reachesBefore(held: HeldLeaves, from: bigint, mark: bigint): boolean {
    if (from === TIME_MIN || this.#leaves.some(({ bounds }) => bounds.minStated)) return false;
    return this.#keys(held).some((key) => this.#answer(this.#part(key), held).reachesBefore(from, mark));
  }

  /** Lets go of what can no longer change, after a last word about what changed in it. */
  #settle(nowMs: number, out: Outgoing): void {
    const at = this.#watermark.at;
    if (at === null || this.wantedFrom !== null) return;
    const past = this.#moments.note(at, nowMs);
    if (past === null) return;
    const mark = past - this.#live.rules.lateness;
    if (this.#settledAt !== null && mark <= this.#settledAt) return;
    this.#settledAt = mark;
    for (const part of [...this.#parts.values()]) {
      if (part.floor !== null && mark < part.settleAt) continue;
      if (Math.abs(nowMs - part.settledAtMs) < SETTLE_GAP_MS) continue;
      part.settledAtMs = nowMs;
      const news = this.#news(part);
      const { answer } = news;
      if (part.dirty || part.waits) this.#tell(part, news, 'changes', nowMs, out);
      const { before, next } = answer.settled(mark);
      part.settleAt = next;
      part.settledTo = before;
      this.#goneRev = Math.max(this.#goneRev, part.told.forget(before));
      this.#letGo(part, answer, mark, before);
    }
  }

  #letGo(part: AnswerPart, answer: AnswerNow, mark: bigint, before: bigint): void {
    if (this.#byGroup) {
      const held = this.#held.rowsOf(0);
      const { rows, floor } = answer.cut!.needed(mark, (time) => held.countBefore(part.key, time));
      held.dropFirst(part.key, rows);
      part.floor = floor;
      if (held.rowsOf(part.key) === 0 && part.told.size === 0) this.#parts.delete(part.key);
      return;
    }
    part.floor = before;
    if (before > TIME_MIN) this.#held.settle(before);
  }
}

// private functions

/** null = before all times. */
function minus(time: bigint, back: bigint | null): bigint {
  return back === null ? TIME_MIN : later(time - back, TIME_MIN);
}
