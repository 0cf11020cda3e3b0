/**
 * Stage 2 of a live query, on the query's home: puts together what the shards say, keeps the watermark, closes windows by event
 * time or by the clock, and says which rows go out, in which revision, and whether they are final.
 *
 * Order of calls: `accept` the `start` update of every shard, `raise` if a client brings a cursor of an earlier life, then for the
 * first client `subscribe`. From then on `accept` every update and `advance` after each and on a timer (every second at least).
 * What `advance` gives goes to all clients. A client that comes later: `accept` the `history` (or `missed`) updates of all shards,
 * then at once `subscribe` (or `resume`). After each round tell the shards `expiredBefore`.
 *
 * What holds: nothing is sent of a window, and W does not reach its end, until all shards have told their part of it; a row that was
 * sent as final is sent again only with a greater revision and another value; nothing is sent of a window after end + lateness but fills
 * that depend on a later neighbour, and snapshots; two operators with the same points at the same times say the same whatever the number
 * of shards. Rows are finished by the code that finishes historical queries.
 *
 * It is long because closing, revising and giving up windows all change the same few things about a cell; drawing rows, choosing what
 * to fill, remembering cells and gathering frames have files of their own beside it.
 *
 * It does not read a clock, encode, or know clients and cursors. Non-final rows are provisional: they always carry revision 0.
 */
import { QueryError } from '../../../language/errors.ts';
import type { PaneWindows } from '../../../planner/pane-windows.ts';
import { PaneStore } from '../../cells/panes.ts';
import { type AnswerWindows, answerWindows, panesOf } from '../../cells/window-times.ts';
import type { RowsPartial } from '../../source/partial.ts';
import { LatePoints } from '../late-points.ts';
import { type Cell, LiveCells } from '../live-cells.ts';
import { filledWindows, retainedFrom } from '../live-kept.ts';
import { changeableFrom, type LivePlan } from '../live-plan.ts';
import type { Rendered } from '../live-rows.ts';
import type { Emission, LiveUpdate } from '../live-update.ts';
import { ToldPanes } from '../told-panes.ts';
import { type LastHeard, PastWatermark, Watermark } from '../watermark.ts';
import { EmitTicks } from './emit-ticks.ts';
import { HeldSince } from './held-since.ts';
import { EmissionBuilder } from './live-emission.ts';
import { type AliveSeries, fillAfter, fillGaps, markNeighbours } from './live-fills.ts';
import { PlainRows } from './live-plain.ts';
import { LIVE_WINDOWS, pointTables, renderCells, renderEmpty, renderFills } from './live-render.ts';
import { addCounts, type LiveFloor, newLiveCounters } from './live-standing.ts';
import { WantedWindows } from './wanted-windows.ts';

/** Cells of one query over all shards, filled ones included. */
export const MERGE_CELLS_MAX = 2_000_000;

type Run = readonly RowsPartial[];

export class LiveMerge {
  readonly counters = newLiveCounters();
  readonly #live: LivePlan;
  readonly #windows: AnswerWindows;
  readonly #plain: PlainRows | null;
  /** Per shard what it sent, where it sent anything; and those that there are. */
  readonly #byShard: PaneStore[] = [];
  readonly #stores: PaneStore[] = [];
  readonly #watermark: Watermark;
  readonly #cells = new LiveCells();
  /** The last pane that a shard has sent. */
  #newest = Number.NEGATIVE_INFINITY;
  /** Open cells that say nothing that one before them does not say, until there is a newer pane. */
  readonly #ahead = new Set<Cell>();
  /** Windows up to this one are closed. */
  #closed = Number.NEGATIVE_INFINITY;
  /** Windows below this one can no longer change. */
  #frozen = Number.NEGATIVE_INFINITY;
  readonly #past = new PastWatermark();
  /** Last window with data of each live series, by closed windows; only where the plan fills. */
  readonly #alive: AliveSeries = new Map();
  #floor: LiveFloor = { watermark: null, rev: -1 };
  /** Revision for rows of windows that have been given up: above all that were ever sent of such. */
  #goneRev = 0;
  #revMax = 0;
  /** Windows below this one are forgotten, but for those that a `history` update has brought since. */
  #gone = Number.NEGATIVE_INFINITY;
  #historyHeld = false;
  readonly #ticks: EmitTicks;
  readonly #late: LatePoints | null;
  /** Runs of points of a tail that wait to be sent. */
  #points: Run[] = [];
  #pastPoints: Run[] = [];
  /** Shards whose last update left something out. */
  readonly #incomplete = new Set<number>();
  /** Per shard: how much later than once in `emitEvery` it tells what changed. Open windows are sent as seldom. */
  readonly #waitedMs: number[];
  #shares: string | null = null;
  /** Windows that a resuming client has missed rows of. */
  readonly #missed = new Set<number>();
  /** Frozen windows to be computed again. */
  readonly #wanted: WantedWindows;
  /** Nothing is said of windows that some shards have told and others have not. */
  readonly #told: ToldPanes;
  readonly #waitsAt: () => bigint | null;
  readonly #held: HeldSince;

  /** `kind`: of the plan's windows. `waitsAt`: the least of all its kinds. */
  constructor(
    live: LivePlan,
    shards: number,
    heard: LastHeard | null,
    kind: PaneWindows | undefined,
    waitsAt: () => bigint | null,
  ) {
    this.#waitsAt = waitsAt;
    this.#live = live;
    this.#windows = answerWindows(live.plan, kind);
    this.#held = new HeldSince(live, this.#windows);
    this.#plain = PlainRows.of(live.plan, this.#windows);
    this.#waitedMs = new Array<number>(shards).fill(0);
    this.#wanted = new WantedWindows(this.#windows);
    this.#told = new ToldPanes(shards, this.#windows);
    this.#watermark = new Watermark(shards, live.rules, heard);
    this.#ticks = new EmitTicks(live.rules);
    this.#late = live.rules.keepsLate ? new LatePoints(shards) : null;
  }

  /** null until there was a point. */
  get watermark(): bigint | null {
    return this.#watermark.at;
  }

  /** End of the first window that some shard has not told; null = there is none. */
  get waitsAt(): bigint | null {
    return this.#told.firstEnd;
  }

  /** The first window with rows that is open; Infinity = none is. */
  get openFrom(): number {
    return this.#cells.firstBeyond(this.#closed) ?? Number.POSITIVE_INFINITY;
  }

  /** Windows of groups that are held. */
  get cells(): number {
    return this.#cells.size;
  }

  /** Greatest revision ever sent, for cursors. */
  get rev(): number {
    return Math.max(this.#goneRev, this.#revMax);
  }

  /**
   * All that was accepted has been sent. Only then may a cursor name the positions of the updates accepted last; else it keeps the
   * ones before.
   */
  get settled(): boolean {
    if (this.#wanted.waits || this.#wanted.isAsking || this.#told.waits || this.#late?.waits === true) return false;
    return this.#cells.dirty.size === 0 && this.#points.length === 0 && this.#incomplete.size === 0;
  }

  /** The name of the stream that it shares with other queries, as the first shard has it; null = it shares none. */
  get shares(): string | null {
    return this.#shares;
  }

  /** How much later shards tell what changed than the query asks for, because they have no time. */
  get waitedMs(): number {
    return Math.max(...this.#waitedMs);
  }

  /** By when `advance` may have something to say if nothing comes before, ms. It gives windows up, too, for which a second will do. */
  nextAdvanceMs(nowMs: number): number {
    if (this.#points.length > 0) return nowMs;
    const waits = this.#cells.dirty.size > 0;
    const changes = waits ? this.#ticks.changesMs(this.waitedMs) : Number.POSITIVE_INFINITY;
    const open = this.#alive.size > 0 ? this.#closed + 1 : this.#cells.firstBeyond(this.#closed);
    if (open === null) return changes;
    const ends = this.#watermark.reachesAtMs(this.#windows.end(open), nowMs);
    return Math.min(changes, this.#ticks.allMs(this.waitedMs), ends);
  }

  /** What shards should be told to `expire`; null = nothing yet. */
  get expiredBefore(): bigint | null {
    const frozen = this.#late?.asked ?? this.#frozen;
    return Number.isFinite(frozen) && this.#live.plan.window !== null ? this.#windows.start(frozen) : null;
  }

  /** Takes what a shard says. Throws QueryError('invalid') when the query has grown over its limit: it must be ended. */
  accept(shard: number, update: LiveUpdate): void {
    const changes = update.kind === 'changes';
    this.#watermark.observe(shard, update.reading);
    this.#late?.accept(shard, update);
    if (shard === 0 && update.shares !== undefined) this.#shares = update.shares;
    if (update.waitedMs !== undefined) this.#waitedMs[shard] = update.waitedMs;
    this.#count(update);
    for (const run of update.runs) {
      (changes ? this.#points : this.#pastPoints).push(run);
      this.#held.points(run);
    }
    if (changes && update.complete) this.#incomplete.delete(shard);
    else if (changes) this.#incomplete.add(shard);
    else {
      for (const pane of update.touched.windows) {
        for (let n = this.#windows.firstWith(pane); n <= this.#windows.lastWith(pane); n++) this.#missed.add(n);
      }
      this.#historyHeld = true;
    }
    if (changes && this.#live.rules.recomputes) this.#wanted.wantOld(update, this.#frozen);
    this.counters.tooLate += this.#wanted.takeDropped();
    this.#told.take(shard, update.wholeFrom, update.cells?.window ?? []);
    this.#release();
    if (update.cells === null) return;
    this.#storeOf(shard).replace(update.cells);
    const { groups, group, window } = update.cells;
    const answered = groups.map((one) => this.#windows.answerGroup(one));
    for (let i = 0; i < window.length; i++) {
      const first = this.#windows.firstWith(window[i]);
      const last = this.#windows.lastWith(window[i]);
      this.#held.window(first);
      if (window[i] > this.#newest) this.#newest = window[i];
      for (let n = first; n <= last; n++) {
        const isOver = n < this.#frozen || this.#isSaid(n);
        if (changes && isOver) continue;
        const cell = this.#cells.ensure(answered[group[i]], n);
        if (!isOver && this.#told.isWhole(n)) this.#cells.mark(cell);
      }
    }
    this.#reach();
    this.#checkSize();
  }

  /** From now on nothing is sent that a client who has seen `floor` could take for something it has. */
  raise(floor: LiveFloor): void {
    if (floor.watermark === null) return;
    this.#held.everything();
    const { watermark, rev } = this.#floor;
    this.#watermark.raise(floor.watermark);
    const frozen = this.#windows.lastEnded(floor.watermark - this.#live.rules.lateness) + 1;
    if (this.#live.rules.recomputes) this.#frozen = Math.max(this.#frozen, frozen);
    this.#late?.freeze(frozen);
    this.#floor = {
      watermark: watermark === null || floor.watermark > watermark ? floor.watermark : watermark,
      rev: Math.max(rev, floor.rev),
    };
    for (const cell of this.#cells.between(Number.NEGATIVE_INFINITY, this.#windows.lastEnded(floor.watermark))) {
      if (!cell.final || cell.rev > floor.rev) continue;
      cell.rev = floor.rev + 1;
      this.#revMax = Math.max(this.#revMax, cell.rev);
    }
  }

  /** What all clients must hear now. */
  advance(nowMs: number): Emission[] {
    const out = new EmissionBuilder('live');
    this.#step(nowMs, false, out);
    this.#expire(nowMs, out);
    return this.#withLate(out.build());
  }

  /**
   * A client's first rows. `live` goes to those who were subscribed before, `snapshot` to the new one, who from then on gets what
   * `advance` gives. The snapshot holds all windows inside a stated lower bound, else the open ones and those that
   * `retain` keeps.
   */
  subscribe(nowMs: number): { readonly live: Emission[]; readonly snapshot: Emission[] } {
    const { plan } = this.#live;
    const before = new EmissionBuilder('live');
    this.#step(nowMs, true, before);
    const out = new EmissionBuilder('snapshot');
    for (const table of pointTables(plan, this.#takePastPoints())) out.addTable(true, 0, table);
    const all = plan.bounds.minStated || plan.window === null;
    const from = all
      ? Number.NEGATIVE_INFINITY
      : retainedFrom(this.#live.rules, this.#windows, this.#closed + 1, this.#watermark.at) - 1;
    this.#send(this.#cells.between(from, Number.POSITIVE_INFINITY), out);
    this.#missed.clear();
    return { live: before.build(), snapshot: out.build() };
  }

  /**
   * What a returning client has missed: rows of windows that were open at the watermark it was told, or that the `missed` updates
   * name. `live` goes to the others. Rows that it has seen may be among them, with the same revision and value, or a greater one. Its new
   * cursor has the positions at which the shards made `missed`, and the watermark and `rev` as they are after this call.
   */
  resume(watermark: bigint | null, nowMs: number): { readonly live: Emission[]; readonly missed: Emission[] } {
    const { plan } = this.#live;
    const before = new EmissionBuilder('live');
    this.#step(nowMs, true, before);
    const out = new EmissionBuilder('live');
    for (const table of pointTables(plan, this.#takePastPoints())) out.addTable(true, 0, table);
    const seen = watermark === null ? Number.NEGATIVE_INFINITY : this.#windows.lastEnded(watermark);
    const from = changeableFrom(this.#live, watermark);
    // what ended before could change no more, and not all of its panes were read
    const frozen = from === null ? Number.NEGATIVE_INFINITY : this.#windows.lastEnded(from);
    const cells = this.#cells.between(frozen, Number.POSITIVE_INFINITY);
    if (this.#live.rules.recomputes) for (const n of this.#missed) if (n <= frozen) this.#wanted.want(n, null);
    this.#send(
      cells.filter((cell) => cell.window > seen || this.#missed.has(cell.window)),
      out,
    );
    this.#missed.clear();
    return { live: before.build(), missed: this.#withLate(out.build()) };
  }

  /** Panes that all shards should give once more, after which `recomputed` is called; null = none. */
  takeWanted(): number[] | null {
    if (this.#wanted.isAsking || this.#told.isAsking || !(this.#wanted.waits || this.#told.waits)) return null;
    const again = this.#wanted.ask();
    this.counters.recomputed += again.length;
    return [...new Set([...panesOf(this.#windows, again), ...this.#told.ask()])];
  }

  /** All shards have given what they were asked for: rows of those windows, sent again. */
  recomputed(): Emission[] {
    const out = new EmissionBuilder('live');
    const cells: Cell[] = [];
    const asked = this.#wanted.answered();
    for (const [n, keys] of asked) {
      for (const cell of this.#cells.windows.get(n) ?? []) {
        if (keys !== null && !keys.has(cell.owner.key)) continue;
        // who has come back may not have what was sent
        if (keys === null) cell.sent = null;
        cells.push(cell);
      }
    }
    if (asked.size > 0) this.#goneRev = this.rev + 1;
    this.#told.answered();
    this.#release();
    this.#sendLate(cells, out);
    return out.build();
  }

  /** Whether rows that were sent, or will be, may lean on points of these times, both included. */
  leansOn(min: bigint, max: bigint): boolean {
    return this.#held.leansOn(min, max);
  }

  // private functions

  #storeOf(shard: number): PaneStore {
    const held = this.#byShard[shard];
    if (held !== undefined) return held;
    // what is added is states, no rows
    const store = new PaneStore({ ...this.#live.plan, sources: [] });
    this.#stores.push(store);
    return (this.#byShard[shard] = store);
  }

  #withLate(emissions: Emission[]): Emission[] {
    return this.#late === null ? emissions : [...emissions, ...this.#late.take()];
  }

  /** Windows that all shards have told by now are like any others. */
  #release(): void {
    for (const n of this.#told.released()) for (const cell of this.#cells.windows.get(n) ?? []) this.#cells.mark(cell);
  }

  #render(cells: readonly Cell[], closed: number): Map<Cell, Rendered> {
    return renderCells(this.#live.plan, this.#windows, this.#stores, cells, closed, this.#plain);
  }

  /** Sends points, closes windows, and sends changes where it is time or `flush` is set. */
  #step(nowMs: number, flush: boolean, out: EmissionBuilder): void {
    const at = this.#watermark.advance(nowMs, this.#waitsAt());
    for (const table of pointTables(this.#live.plan, this.#points)) out.addTable(true, 0, table);
    this.#points = [];
    if (at !== null) this.#close(at, out);
    const all = this.#ticks.allDue(nowMs, this.waitedMs);
    const isTick = flush || this.#ticks.changesDue(nowMs, this.waitedMs);
    if (!all && (this.#cells.dirty.size === 0 || !isTick)) return;
    this.#sendOpen(all, out);
    this.#sendLate([...this.#cells.dirty], out);
    this.#ticks.told(nowMs, all);
  }

  #count({ kind, touched, counts }: LiveUpdate): void {
    addCounts(this.counters, counts);
    if (this.#live.rules.recomputes) {
      this.counters.tooLate -= counts.dropped;
      this.counters.late += counts.dropped;
    }
    if (kind === 'history') return;
    for (const [i, pane] of touched.windows.entries()) {
      const rows = touched.rows[i];
      const [first, last] = [this.#windows.firstWith(pane), this.#windows.lastWith(pane)];
      this.#ticks.count(rows);
      if (first > last) continue;
      if (last < this.#frozen || this.#isSaid(last)) {
        if (this.#live.rules.recomputes) this.counters.late += rows;
        else this.counters.tooLate += rows;
        this.#goneRev = this.rev + 1;
      } else if (first <= this.#closed) this.counters.late += rows;
      else this.counters.onTime += rows;
    }
    if (counts.dropped > 0) this.#goneRev = this.rev + 1;
  }

  #takePastPoints(): Run[] {
    const points = this.#pastPoints;
    this.#pastPoints = [];
    return points;
  }

  /** The window is closed, and its rows are not sent again. */
  #isSaid(window: number): boolean {
    return this.#live.rules.sendsOnce === true && window <= this.#closed;
  }

  /** Closes the windows whose end W has reached, with fills for the series that are live. */
  #close(at: bigint, out: EmissionBuilder): void {
    const { plan, fills, rules } = this.#live;
    const target = this.#windows.lastEnded(at);
    if (target <= this.#closed) return;
    if (rules.closesSilently) {
      // no client is told of a watermark at which it would take what waits for unchangeable
      const settled = this.#windows.lastEnded(at - rules.lateness);
      this.#closed = target;
      this.#showAhead(target);
      const due = [...this.#cells.dirty].filter((cell) => cell.window <= settled);
      this.#sendLate(due, out);
      return;
    }
    // Before the rows that may be filled from them.
    this.#sendLate([...this.#cells.dirty], out);
    const before = this.#closed;
    const cells = this.#told.without(this.#cells.between(before, target));
    const rendered = this.#render(cells, target);
    this.#closed = target;
    for (const cell of this.#ahead) if (cell.window <= target) this.#ahead.delete(cell);
    for (const cell of cells) {
      this.#cells.clean(cell);
      cell.data = rendered.has(cell);
    }
    if (fills) {
      const letGo = (): void => void (rules.stateTtl !== undefined && this.counters.letGo++);
      const empty = fillGaps(this.#cells, before, target, cells, this.#alive, filledWindows(this.#live), letGo);
      for (const [cell, rows] of renderFills(plan, this.#windows, this.#stores, empty, target))
        rendered.set(cell, rows);
    }
    for (const cell of cells) {
      if (cell.sent === null && !rendered.has(cell)) this.#cells.delete(cell);
      else this.#sendFinal(cell, rendered.get(cell) ?? renderEmpty(plan, this.#windows, cell), out);
    }
    // Cells that #fillGaps has made.
    for (const [cell, rows] of rendered) if (!cell.final) this.#sendFinal(cell, rows, out);
    if (fills) for (const cell of cells) if (cell.data) markNeighbours(this.#cells, plan, cell, before);
    this.#checkSize();
  }

  /** Windows of which there is something new to say wait no more. */
  #reach(): void {
    this.#showAhead(this.#windows.lastShown(this.#newest));
  }

  #showAhead(upTo: number): void {
    for (const cell of this.#ahead) {
      if (cell.window > upTo) continue;
      this.#ahead.delete(cell);
      this.#cells.mark(cell);
    }
  }

  /** Changed rows of open windows; `all`: those that have not changed too. */
  #sendOpen(all: boolean, out: EmissionBuilder): void {
    const { plan, rules } = this.#live;
    const shown = this.#windows.lastShown(this.#newest);
    const changed = [...this.#cells.dirty].filter((cell) => cell.window > this.#closed);
    if (rules.finalOnly) {
      for (const cell of changed) this.#cells.clean(cell);
      return;
    }
    const open = all
      ? this.#told.without(this.#cells.between(this.#closed, shown))
      : changed.filter((cell) => cell.window <= shown);
    for (const cell of changed) {
      if (cell.window <= shown) continue;
      this.#cells.clean(cell);
      this.#ahead.add(cell);
    }
    const rendered = this.#render(open, this.#closed);
    for (const cell of open) {
      this.#cells.clean(cell);
      const rows = rendered.get(cell) ?? (cell.sent === null ? null : renderEmpty(plan, this.#windows, cell));
      if (rows === null || (rows.text === cell.sent && !all)) continue;
      cell.sent = rows.text;
      out.add(false, 0, rows);
    }
  }

  /** Changed rows of closed windows: revisions. Rows of a series that nobody has heard of are sent for the first time. */
  #sendLate(dirty: readonly Cell[], out: EmissionBuilder): void {
    const { plan, fills } = this.#live;
    const closed = dirty.filter((cell) => cell.window <= this.#closed);
    if (closed.length === 0) return;
    const rendered = this.#render(closed, this.#closed);
    const empty = new Set<Cell>();
    for (const cell of closed) {
      this.#cells.clean(cell);
      cell.data = rendered.has(cell);
      if (!cell.data && cell.sent === null) this.#cells.delete(cell);
      else if (!cell.data) empty.add(cell);
    }
    if (fills) {
      const live = filledWindows(this.#live);
      const waiting = new Set(this.#cells.dirty);
      for (const cell of closed) {
        if (rendered.get(cell)?.text === cell.sent) continue;
        markNeighbours(this.#cells, plan, cell, this.#closed);
        if (!cell.data) continue;
        for (const late of fillAfter(this.#cells, cell, this.#closed, this.#alive, live)) empty.add(late);
      }
      for (const cell of [...this.#cells.dirty]) {
        if (waiting.has(cell) || cell.data) continue;
        this.#cells.clean(cell);
        empty.add(cell);
      }
      for (const [cell, rows] of renderFills(plan, this.#windows, this.#stores, [...empty], this.#closed))
        rendered.set(cell, rows);
    }
    for (const cell of empty)
      if (!fills && cell.sent !== null) rendered.set(cell, renderEmpty(plan, this.#windows, cell));
    for (const [cell, rows] of rendered) {
      const isNew = !cell.final && !this.#live.rules.closesSilently;
      if (isNew || rows.text !== cell.sent) this.#sendFinal(cell, rows, out);
    }
    this.#checkSize();
  }

  #sendFinal(cell: Cell, rows: Rendered, out: EmissionBuilder): void {
    if (cell.final) this.counters.revised++;
    cell.rev = cell.final ? cell.rev + 1 : this.#firstRev(cell.window);
    cell.final = true;
    cell.sent = rows.text;
    this.#revMax = Math.max(this.#revMax, cell.rev);
    out.add(true, cell.rev, rows);
  }

  /** Rows as they stand, for one client; nothing about them changes for the others. */
  #send(all: readonly Cell[], out: EmissionBuilder): void {
    const { plan, fills, rules } = this.#live;
    const shown = rules.finalOnly ? this.#closed : Math.max(this.#closed, this.#windows.lastShown(this.#newest));
    const cells = this.#told.without(all.filter((cell) => cell.window <= shown));
    const rendered = this.#render(cells, this.#closed);
    const closed = cells.filter((cell) => cell.window <= this.#closed);
    for (const cell of closed) cell.data = rendered.has(cell);
    if (fills) {
      const made = fillGaps(
        this.#cells,
        Number.NEGATIVE_INFINITY,
        this.#closed,
        closed,
        new Map(),
        filledWindows(this.#live),
      );
      const filled = new Set([...closed.filter((cell) => !cell.data && cell.sent !== null), ...made]);
      for (const [cell, rows] of renderFills(plan, this.#windows, this.#stores, [...filled], this.#closed))
        rendered.set(cell, rows);
    }
    for (const cell of new Set([...cells, ...rendered.keys()])) {
      const rows = rendered.get(cell) ?? (cell.sent === null ? null : renderEmpty(plan, this.#windows, cell));
      if (rows === null) continue;
      const final = cell.window <= this.#closed;
      if (!final) out.add(false, 0, rows);
      else if (cell.final && cell.sent === rows.text) out.add(true, cell.rev, rows);
      else this.#sendFinal(cell, rows, out);
    }
  }

  /** The revision of a cell's first final row in this life. */
  #firstRev(window: number): number {
    const { watermark, rev } = this.#floor;
    const seen = watermark !== null && this.#windows.end(window) <= watermark;
    return Math.max(seen ? rev + 1 : 0, window < this.#frozen ? this.#goneRev : 0);
  }

  /** Gives up windows that can no longer change, after a last word about what changed in them. */
  #expire(nowMs: number, out: EmissionBuilder): void {
    const { plan, rules, fills } = this.#live;
    const at = this.#watermark.at;
    if (at === null) return;
    const past = this.#past.note(at, nowMs, this.waitedMs);
    if (past === null) return;
    const ended = Math.min(this.#windows.lastEnded(past - rules.lateness) + 1, this.#told.first);
    const frozen = this.#late?.freeze(ended) ?? ended;
    if (frozen > this.#frozen && (plan.window !== null || frozen > 0)) {
      this.#sendLate(
        [...this.#cells.dirty].filter((cell) => cell.window < frozen),
        out,
      );
      this.#frozen = frozen;
    }
    const gone = retainedFrom(rules, this.#windows, this.#frozen, past) - (fills ? 2 * LIVE_WINDOWS : 0);
    if (gone <= this.#gone && !this.#historyHeld) return;
    this.#gone = gone;
    this.#historyHeld = false;
    for (const cell of this.#cells.between(Number.NEGATIVE_INFINITY, gone - 1)) {
      this.#goneRev = Math.max(this.#goneRev, cell.rev);
    }
    this.#cells.dropBefore(gone);
    if (!Number.isFinite(gone)) return;
    for (const store of this.#stores) store.dropBefore(this.#windows.runFrom(gone));
    this.#told.dropBefore(gone);
  }

  #checkSize(): void {
    if (this.#cells.size > MERGE_CELLS_MAX) {
      const advice = 'ask for fewer groups or a shorter time';
      throw new QueryError('invalid', `live query: more than ${MERGE_CELLS_MAX} cells; ${advice}`);
    }
  }
}
