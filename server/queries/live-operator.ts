/**
 * LiveOperator: one distinct live query at its home: stage 2 (`openHome`), the feeds of its subscribers, and how a subscriber joins
 * without a seam.
 *
 *     shards ──updates──▶ merge ──emissions──▶ frames (encoded once per epoch) ──▶ subscribers that are attached
 *
 * Joining goes in rounds. A round asks every shard for the history (or for what a cursor missed); each shard answers in the same
 * channel as its updates, so what comes before the answer is in it and what comes after is not. Updates that follow an answer wait
 * until all shards have answered; then the joiners get their first rows, are attached, and the waiting updates are taken. All who
 * wait for a snapshot share one round and its encoding. Where a shard has to bring near what it is asked for (`away`), the round is put
 * aside until that is done, and then asked anew: the others go on meanwhile.
 *
 * It is long because joining, starting and restarting are one state machine over the same few fields.
 */
import type { Epoch } from '../../client/protocol/index.ts';
import { ORIGIN, type Position } from '../../model/index.ts';
import { countersSince, type Emission, type LiveHomeStage, type LivePlan, openHome } from '../../query/index.ts';
import type { DeletedSpan } from '../recorder/index.ts';
import type { FeedFrame } from '../sessions/index.ts';
import { encodeErrorMembers, encodeProgressMembers, encodeResetMembers } from './answers/index.ts';
import { type Cursor, decodeCursor, encodeCursor, newLife } from './cursor.ts';
import { Feed, firstFrames } from './feed.ts';
import type { ShardAway, ShardUpdate } from './live-messages.ts';
import { concerns, type MeasurementName } from './named-measurements.ts';
import type { AskedRound, Joiner, LivePlace, OperatorPort, PlannedLive, RunningQuery } from './operator-port.ts';
import type { LiveProgress } from './running-queries.ts';

/** A subscriber hears at least this often how far the query has come. */
const PROGRESS_INTERVAL_MS = 1000;
/** The same where there is no time for more, or nothing to say: nothing has come since, and no window is open that the clock may close. */
const SILENCE_INTERVAL_MS = 10_000;
/** Each time that there is nothing to say it is twice as long until the next, up to this. */
const SILENCE_INTERVAL_MS_MAX = 60_000;
/** Shards are told what can change no more at least this often, and each time it is more where there is time. */
const EXPIRE_INTERVAL_MS = 15_000;

/** Where it asks for windows, which are computed again, nobody joins by it. */
interface Round extends AskedRound {
  readonly joiners: Joiner[];
  readonly answers: (ShardUpdate | null)[];
  readonly waiting: ShardUpdate[];
  /** Shards that bring near what they have to read for it. */
  readonly away: Set<number>;
}

export class LiveOperator implements RunningQuery {
  readonly key: string;
  readonly database: string;
  readonly query: string;
  readonly reads: readonly MeasurementName[];
  live: LivePlan;
  instance = 1;
  replayFrom: readonly number[] | null = null;
  plannedAt: readonly number[];
  #port: OperatorPort;
  merge: LiveHomeStage;
  #life: string;
  readonly #feeds = new Map<string, Feed>();
  readonly #subscribers = new Map<number, Feed>();
  /** Those inside the server: they have no feed. */
  readonly #listening = new Map<number, Joiner>();
  #failure: string | null = null;
  #joining: Joiner[] = [];
  #started = new Set<number>();
  /** Updates of shards that have started, while others have not. */
  #early: ShardUpdate[] = [];
  /** Nobody has joined since all shards have started: what they sent is the history of the first round. */
  #fresh = true;
  #round: Round | null = null;
  /** Those that were put aside. */
  #aside: Round[] = [];
  #lastRound = 0;
  /** Number of the last rows frame. */
  #frames = 0;
  #positions: Position[];
  #sentPositions: Position[];
  #toldAtMs = 0;
  /** A shard has spoken since it was told how far the query has come. */
  #heard = true;
  /** How often it tells how far it has come at least. */
  #silenceMs = SILENCE_INTERVAL_MS;
  /** By when `tick` has something to do, if no update comes before. */
  lookAtMs = 0;
  /** From when on it has something to say if there is time. */
  tellAtMs = Number.POSITIVE_INFINITY;
  /** The same of `merge`. */
  #nextMs = 0;
  #expired: bigint | null = null;
  #expiredAtMs = Number.NEGATIVE_INFINITY;
  #wanted: bigint | null = null;
  /** When the last subscriber left; null while there are some. */
  idleSinceMs: number | null = null;

  constructor(
    { key, database, query, reads }: Pick<RunningQuery, 'key' | 'database' | 'reads'> & { readonly query: string },
    { live, plannedAt }: PlannedLive,
    port: OperatorPort,
  ) {
    this.plannedAt = plannedAt;
    this.key = key;
    this.database = database;
    this.reads = reads;
    this.query = query;
    this.live = live;
    this.#port = port;
    this.merge = openHome(live, port.shards, port.heard(live));
    this.#life = newLife();
    this.#positions = Array.from({ length: port.shards }, () => ORIGIN);
    this.#sentPositions = [...this.#positions];
  }

  get subscribers(): number {
    return this.#subscribers.size + this.#listening.size + this.#joining.length + this.#inRounds.length;
  }

  get progress(): LiveProgress {
    const { watermark, cells, counters, shares } = this.merge;
    return {
      database: this.database,
      text: this.query,
      state: this.#started.size < this.#port.shards ? 'starting' : 'running',
      lagMs: watermark === null ? null : this.#port.nowMs() - Number(watermark / 1_000_000n),
      panes: cells,
      counters: { ...counters },
      group: shares,
    };
  }

  /** Who comes after the query has failed, as it may while it is started, is told so. */
  join(joiner: Joiner): void {
    this.idleSinceMs = null;
    this.#lookSoon();
    this.#joining.push(joiner);
    if (this.#failure === null) this.#nextRound();
    else this.fail(this.#failure);
  }

  leave(subscriber: number): void {
    const feed = this.#subscribers.get(subscriber);
    feed?.subscribers.delete(subscriber);
    this.#subscribers.delete(subscriber);
    this.#listening.delete(subscriber);
    this.#joining = this.#joining.filter((j) => j.subscriber !== subscriber);
    for (const { joiners } of this.#rounds()) {
      const at = joiners.findIndex((j) => j.subscriber === subscriber);
      if (at >= 0) joiners.splice(at, 1);
    }
    if (this.subscribers === 0) this.idleSinceMs = this.#port.nowMs();
  }

  /** An update of a shard, or its answer to a round. Throws QueryError when the query has grown over its limits. */
  update(message: ShardUpdate): void {
    if (message.instance !== this.instance) return;
    this.#lookSoon();
    this.#heard = true;
    const { shard, round } = message;
    if (round !== null) {
      if (this.#round?.id !== round) return;
      this.#round.answers[shard] = message;
      if (this.#round.answers.every((answer) => answer !== null)) this.#endRound(this.#round);
      return;
    }
    if (this.#round?.answers[shard] != null) {
      this.#round.waiting.push(message);
      return;
    }
    if (this.#started.size < this.#port.shards) {
      this.#begin(message);
      return;
    }
    this.#take(message);
    const nowMs = this.#port.nowMs();
    this.#emit(this.merge.advance(nowMs));
    this.#nextMs = this.merge.nextAdvanceMs(nowMs);
    this.#plan();
    this.#nextRound();
  }

  /** By the clock: closes quiet windows, and tells quiet from stalled. */
  tick(): void {
    if (this.#started.size < this.#port.shards || this.#round !== null) {
      // whatever ends this says when there is something to do
      this.lookAtMs = this.tellAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    const nowMs = this.#port.nowMs();
    if (nowMs >= this.#nextMs || this.#tells(nowMs)) {
      this.#emit(this.merge.advance(nowMs));
      this.#nextMs = this.merge.nextAdvanceMs(nowMs);
      if (this.#tells(nowMs)) this.#tellProgress(nowMs);
    }
    this.#plan();
  }

  /** A round that cannot be answered by the log: its joiners start from a new snapshot. */
  roundFailed(round: number): void {
    if (this.#round?.id !== round) return;
    const { joiners, waiting } = this.#round;
    this.#round = null;
    this.#lookSoon();
    for (const joiner of joiners) this.#reset(joiner, 'what was missed is no longer in the log');
    this.#takeWaiting(waiting);
    this.#nextRound();
  }

  /** A shard brings near what a round has to read there, or has done so. */
  away({ round: id, shard, isNear }: ShardAway): void {
    const round = this.#rounds().find((one) => one.id === id);
    if (round === undefined) return;
    this.#lookSoon();
    if (isNear) round.away.delete(shard);
    else round.away.add(shard);
    if (round === this.#round) {
      this.#round = null;
      this.#aside.push(round);
      this.#takeWaiting(round.waiting.splice(0));
    }
    this.#nextRound();
  }

  /** The query reads something else than before: everybody starts anew, quietly where nothing could have been sent. */
  restart({ live, plannedAt }: PlannedLive, reason: string): void {
    this.plannedAt = plannedAt;
    if (!this.#fresh) this.replayFrom = this.#sentPositions.map(({ sequence }) => sequence + 1);
    const silent = this.live.plan.sources.length === 0;
    const { watermark, rev } = this.merge;
    this.live = live;
    this.instance++;
    this.#wanted = null;
    this.#lookSoon();
    this.merge = openHome(live, this.#port.shards, this.#port.heard(live));
    this.merge.raise({ watermark, rev });
    this.#life = newLife();
    this.#started = new Set();
    this.#early = [];
    this.#fresh = true;
    this.#frames = 0;
    const all = [...this.#inRounds, ...this.#joining];
    this.#round = null;
    this.#aside = [];
    this.#joining = all;
    for (const [subscriber, feed] of this.#subscribers) {
      const { key, epoch, refs } = feed;
      const joiner: Joiner = { subscriber, feed: key, epoch, refs, snapshot: true, since: '' };
      if (silent) this.#joining.push(joiner);
      else this.#reset(joiner, reason);
    }
    for (const joiner of this.#listening.values()) this.#reset(joiner, reason);
    this.#port.start(this);
  }

  /** Whether any of these rows may be in what it has sent or holds. */
  leansOn(deleted: readonly DeletedSpan[]): boolean {
    return deleted.some(
      ({ measurement, minTime, maxTime }) =>
        concerns({ measurements: [measurement] }, this.reads) && this.merge.leansOn(minTime, maxTime),
    );
  }

  /** Ends the query for everybody, with a reason. */
  fail(message: string): void {
    this.#failure = message;
    const members = encodeErrorMembers('invalid query', message);
    const everyone = [...this.#inRounds, ...this.#joining, ...this.#listening.values()];
    this.#joining = [];
    this.#listening.clear();
    for (const { feed, subscriber, listener } of everyone) {
      if (listener !== undefined) listener.failed(message);
      else this.#port.frame(feed, subscriber, { op: 'error', members, cursor: '', phase: 'live', watermarkMs: null });
    }
    for (const feed of this.#feeds.values()) {
      this.#port.frame(feed.key, null, { op: 'error', members, cursor: '', phase: 'live', watermarkMs: null });
    }
  }

  // private functions

  #rounds(): readonly Round[] {
    return this.#round === null ? this.#aside : [this.#round, ...this.#aside];
  }

  get #inRounds(): readonly Joiner[] {
    return this.#rounds().flatMap(({ joiners }) => joiners);
  }

  /** Whether to tell now how far the query has come. */
  #tells(nowMs: number): boolean {
    const elapsed = nowMs - this.#toldAtMs;
    if (elapsed < 0 || elapsed >= this.#longestMs) return true;
    if (elapsed < this.#progressMs) return false;
    return this.#listening.size > 0 || (!this.#isQuiet && this.#port.hasTime());
  }

  /** Nothing has come since it told how far it has come, and no window is open that the clock may close. */
  get #isQuiet(): boolean {
    return !this.#heard && this.#nextMs === Number.POSITIVE_INFINITY;
  }

  get #longestMs(): number {
    return Math.max(this.#isQuiet ? this.#silenceMs : SILENCE_INTERVAL_MS, this.#progressMs);
  }

  #plan(): void {
    const again = this.#toldAtMs + this.#progressMs;
    const latest = this.#toldAtMs + this.#longestMs;
    // at whole seconds, so that what many quiet queries say to a client leaves in one call
    const tells = this.#listening.size > 0 ? again : this.#isQuiet ? Math.ceil(latest / 1000) * 1000 : latest;
    this.lookAtMs = Math.min(this.#nextMs, tells);
    this.tellAtMs = this.#isQuiet ? Number.POSITIVE_INFINITY : again;
  }

  /** How far the query has come, to everybody. */
  #tellProgress(nowMs: number): void {
    this.#settle();
    const cursor = this.#cursor();
    this.#silenceMs = this.#isQuiet ? Math.min(2 * this.#silenceMs, SILENCE_INTERVAL_MS_MAX) : SILENCE_INTERVAL_MS;
    this.#toldAtMs = nowMs;
    this.#heard = false;
    for (const feed of this.#feeds.values()) {
      if (feed.subscribers.size === 0) continue;
      const members = encodeProgressMembers(this.merge.watermark, feed.epoch, cursor);
      this.#port.frame(feed.key, null, {
        op: 'progress',
        members,
        cursor,
        phase: 'live',
        watermarkMs: this.#watermarkMs,
      });
    }
    this.#tell([]);
  }

  #lookSoon(): void {
    this.lookAtMs = 0;
    this.#nextMs = 0;
  }

  get #progressMs(): number {
    return PROGRESS_INTERVAL_MS + this.merge.waitedMs;
  }

  /** While shards start: the first update of each is history, what follows is live and waits until all have started. */
  #begin(message: ShardUpdate): void {
    if (this.#started.has(message.shard)) {
      this.#early.push(message);
      return;
    }
    this.#take(message);
    this.#started.add(message.shard);
    if (this.#started.size < this.#port.shards) return;
    this.#nextRound();
    if (this.#fresh) {
      // everybody has left meanwhile; whoever comes next asks for the history as it is then
      this.#fresh = false;
      this.merge.subscribe(this.#port.nowMs());
      this.#settle();
    }
    this.#takeWaiting(this.#early.splice(0));
  }

  #nextRound(): void {
    if (this.#round !== null || this.#started.size < this.#port.shards) return;
    const near = this.#aside.find(({ away }) => away.size === 0);
    if (near !== undefined) {
      this.#aside = this.#aside.filter((round) => round !== near);
      this.#ask({ ...near, fetches: near.fetches + 1 });
      return;
    }
    this.#joining = this.#joining.filter((joiner) => !this.#resumeFromRing(joiner));
    // those that were put aside come first, for what they had brought near stays there only so long
    if (this.#joining.length === 0 || this.#inRounds.length > 0) {
      this.#recompute();
      return;
    }
    const cursor = this.#usableCursor(this.#joining[0]);
    const joiners = cursor === null ? this.#joining.filter((j) => j.since === '') : [this.#joining[0]];
    if (joiners.length === 0) return;
    this.#joining = this.#joining.filter((j) => !joiners.includes(j));
    const fresh = this.#fresh;
    this.#fresh = false;
    if (cursor !== null) {
      this.merge.raise(cursor);
      if (fresh) {
        this.merge.subscribe(this.#port.nowMs());
        this.#sentPositions = [...cursor.positions];
      }
    }
    const round = { joiners, cursor, reach: 1n, windows: null, fetches: 0 };
    if (!fresh || cursor !== null) this.#ask(round);
    else this.#endRound((this.#round = this.#newRound(round, this.#early.splice(0))));
  }

  #ask(round: Pick<Round, 'joiners' | 'cursor' | 'reach' | 'windows' | 'fetches'>): void {
    this.#round = this.#newRound(round, []);
    this.#port.ask(this, this.#round);
  }

  #newRound(
    { joiners, cursor, reach, windows, fetches }: Pick<Round, 'joiners' | 'cursor' | 'reach' | 'windows' | 'fetches'>,
    waiting: ShardUpdate[],
  ): Round {
    const answers = Array.from({ length: this.#port.shards }, () => null);
    const id = ++this.#lastRound;
    return { id, joiners, cursor, reach, windows, fetches, answers, waiting, away: new Set() };
  }

  /** Asks shards for windows that late rows have changed long after their end. */
  #recompute(): void {
    const windows = this.merge.takeWanted();
    if (windows !== null) this.#ask({ joiners: [], cursor: null, reach: 1n, windows, fetches: 0 });
  }

  /** The cursor of a joiner that has one; one that is of no use becomes a reset and a fresh join. */
  #usableCursor(joiner: Joiner): Cursor | null {
    if (joiner.since === '') return null;
    const cursor = decodeCursor(joiner.since);
    if (cursor !== null && cursor.positions.length === this.#port.shards) return cursor;
    this.#joining = this.#joining.filter((j) => j !== joiner);
    this.#reset(joiner, 'the cursor is not one of this server');
    return null;
  }

  #resumeFromRing(joiner: Joiner): boolean {
    const cursor = joiner.since === '' ? null : decodeCursor(joiner.since);
    if (cursor === null || cursor.life !== this.#life) return false;
    const missed = this.#feeds.get(joiner.feed)?.since(cursor.frame, this.#frames) ?? null;
    if (missed === null) return false;
    this.#attach(joiner);
    for (const frame of missed) this.#port.frame(joiner.feed, joiner.subscriber, frame);
    return true;
  }

  #endRound(round: Round): void {
    const nowMs = this.#port.nowMs();
    for (const answer of round.answers) if (answer !== null) this.#take(answer);
    if (round.windows !== null) {
      this.#round = null;
      this.#emit(this.merge.recomputed());
      this.#takeWaiting(round.waiting);
      this.#nextRound();
      return;
    }
    if (round.cursor !== null && !this.merge.readsEnough(round.cursor.watermark)) {
      this.#askFurther(round);
      return;
    }
    const first =
      round.cursor === null ? this.merge.subscribe(nowMs) : this.merge.resume(round.cursor.watermark, nowMs);
    this.#emit(first.live);
    this.#settle();
    const emissions = 'snapshot' in first ? first.snapshot : first.missed;
    const phase = round.cursor === null ? 'snapshot' : 'live';
    const members = new Map<Epoch | null, FeedFrame[]>();
    for (const joiner of round.joiners) {
      if (joiner.listener !== undefined) {
        joiner.listener.rows(emissions, this.#place());
        this.#listening.set(joiner.subscriber, joiner);
        continue;
      }
      let frames = members.get(joiner.epoch);
      if (frames === undefined)
        members.set(
          joiner.epoch,
          (frames = firstFrames(emissions, joiner.epoch, phase, this.#cursor(), this.#watermarkMs)),
        );
      if (joiner.snapshot || round.cursor !== null) {
        for (const frame of frames) this.#port.frame(joiner.feed, joiner.subscriber, frame);
      }
      this.#attach(joiner);
    }
    this.#round = null;
    this.#takeWaiting(round.waiting);
    this.#nextRound();
  }

  /** The same round once more, of what lies further back. Updates that came behind its answers are taken with it. */
  #askFurther(round: Round): void {
    for (const message of round.waiting) this.#take(message);
    this.#ask({ ...round, reach: round.reach * 4n });
  }

  #attach({ subscriber, feed: key, epoch, refs }: Joiner): void {
    let feed = this.#feeds.get(key);
    if (feed === undefined) this.#feeds.set(key, (feed = new Feed(key, epoch, refs)));
    for (const frame of feed.introduction()) this.#port.frame(key, subscriber, frame);
    feed.subscribers.add(subscriber);
    this.#subscribers.set(subscriber, feed);
    this.#port.attached(key, subscriber);
  }

  #reset(joiner: Joiner, reason: string): void {
    const members = encodeResetMembers(reason);
    if (joiner.listener !== undefined) joiner.listener.reset(reason);
    else
      this.#port.frame(joiner.feed, joiner.subscriber, {
        op: 'reset',
        members,
        cursor: '',
        phase: 'live',
        watermarkMs: null,
      });
    this.#joining.push({ ...joiner, since: '', snapshot: true });
  }

  #take({ shard, sequence, update }: ShardUpdate): void {
    const before = { ...this.merge.counters };
    this.merge.accept(shard, update);
    this.#port.counted(countersSince(before, this.merge.counters));
    this.#positions[shard] = { generation: ORIGIN.generation, sequence };
  }

  #takeWaiting(waiting: readonly ShardUpdate[]): void {
    for (const message of waiting) this.#take(message);
    if (waiting.length > 0) this.#emit(this.merge.advance(this.#port.nowMs()));
  }

  /** To all that are attached. The positions of a cursor hold only behind the last frame of what was emitted together. */
  #emit(emissions: readonly Emission[]): void {
    emissions.forEach((emission, i) => {
      this.#frames++;
      if (i === emissions.length - 1) this.#settle();
      const cursor = this.#cursor();
      for (const feed of this.#feeds.values()) {
        const frame = feed.frame(emission, cursor, this.#watermarkMs, i < emissions.length - 1);
        feed.keep(this.#frames, frame);
        if (feed.subscribers.size > 0) this.#port.frame(feed.key, null, frame);
      }
      this.#toldAtMs = this.#port.nowMs();
    });
    if (emissions.length > 0) this.#tell(emissions);
    const before = this.merge.expiredBefore;
    if (before !== null && before !== this.#expired) this.#expire(before);
    const from = this.merge.wantedFrom;
    if (from !== null && from !== this.#wanted) this.#port.reach(this, (this.#wanted = from));
  }

  #expire(before: bigint): void {
    const nowMs = this.#port.nowMs();
    const elapsed = nowMs - this.#expiredAtMs;
    if (elapsed >= 0 && elapsed < EXPIRE_INTERVAL_MS && !this.#port.hasTime()) return;
    this.#expiredAtMs = nowMs;
    this.#port.expire(this, (this.#expired = before));
  }

  #tell(emissions: readonly Emission[]): void {
    for (const { listener } of this.#listening.values()) listener!.rows(emissions, this.#place());
  }

  #place(): LivePlace {
    const { watermark, expiredBefore } = this.merge;
    return { cursor: this.#cursor(), watermark, frozenBefore: expiredBefore, live: this.live };
  }

  /** A cursor's positions move only when all that was taken up to them has been sent. */
  #settle(): void {
    if (this.merge.settled) this.#sentPositions = [...this.#positions];
  }

  get #watermarkMs(): number | null {
    const { watermark } = this.merge;
    return watermark === null ? null : Number(watermark / 1_000_000n);
  }

  #cursor(): string {
    const { resumesAt, rev } = this.merge;
    return encodeCursor({
      life: this.#life,
      frame: this.#frames,
      watermark: resumesAt,
      rev,
      positions: this.#sentPositions,
    });
  }
}
