/** A WebSocket client of `/live` for tests: sends frames, keeps all that come, and waits for the one that a test wants. */
import { WebSocket } from 'ws';
import type { ClientFrame, RowsFrame, ServerFrame } from '../../client/protocol/index.ts';
import type { Place } from './api.ts';
import { PATIENCE_MS } from './patience.ts';

export type Subscribe = Partial<Omit<Extract<ClientFrame, { op: 'subscribe' }>, 'op'>> & { db: string; q: string };
export type FrameOf<Op extends ServerFrame['op']> = Extract<ServerFrame, { op: Op }>;

export class LiveClient {
  readonly socket: WebSocket;
  /** All that has come, in order. */
  readonly frames: ServerFrame[] = [];
  readonly #watching = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.frames.push(JSON.parse(String(data)) as ServerFrame);
      for (const look of [...this.#watching]) look();
    });
    socket.on('error', () => {});
  }

  /** Connected and welcomed. */
  static async connect({ http }: Place): Promise<LiveClient> {
    const client = new LiveClient(new WebSocket(`${http.replace('http', 'ws')}/live`));
    await client.first('welcome');
    return client;
  }

  send(frame: ClientFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Default id `s`, times in ns. */
  subscribe(frame: Subscribe): void {
    this.send({ op: 'subscribe', id: 's', epoch: 'ns', ...frame });
  }

  /** Subscribes and waits for the snapshot (or for the answer to `since` having been taken). */
  async subscribed(frame: Subscribe): Promise<FrameOf<'subscribed'>> {
    this.subscribe(frame);
    const id = frame.id ?? 's';
    const told = await this.first('subscribed', (f) => f.id === id);
    if (frame.snapshot !== false && frame.since === undefined) {
      await this.first('rows', (f) => f.id === id && f.phase === 'snapshot' && f.cursor !== '');
    }
    return told;
  }

  /** The first frame of a kind that fits, from number `from` of all frames on; waits for it. */
  async first<Op extends ServerFrame['op']>(
    op: Op,
    fits: (frame: FrameOf<Op>) => boolean = () => true,
    { from = 0, withinMs = PATIENCE_MS }: { from?: number; withinMs?: number } = {},
  ): Promise<FrameOf<Op>> {
    let found: FrameOf<Op> | undefined;
    await this.until(
      () => {
        found = this.frames.slice(from).find((f) => f.op === op && fits(f as FrameOf<Op>)) as FrameOf<Op> | undefined;
        return found !== undefined;
      },
      `a frame ${op}`,
      withinMs,
    );
    return found as FrameOf<Op>;
  }

  /** Looked at after every frame. */
  until(condition: () => boolean, what = 'what was waited for', withinMs = PATIENCE_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#watching.delete(look);
      };
      const look = (): void => {
        if (!condition()) return;
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        const last = this.frames.slice(-5).map((f) => JSON.stringify(f).slice(0, 300));
        reject(
          new Error(`no ${what} within ${withinMs} ms; ${this.frames.length} frames, the last:\n${last.join('\n')}`),
        );
      }, withinMs);
      this.#watching.add(look);
      look();
    });
  }

  /** Frames of rows of a subscription, in order; behind its last `reset` if it had one. */
  rows(id = 's'): RowsFrame[] {
    const reset = this.frames.findLastIndex((f) => f.op === 'reset' && f.id === id);
    return this.frames.slice(reset + 1).filter((f): f is RowsFrame => f.op === 'rows' && f.id === id);
  }

  /** The last cursor that a subscription was given. */
  cursor(id = 's'): string {
    const frame = this.frames.findLast((f) => 'cursor' in f && f.id === id && f.cursor !== '');
    return frame !== undefined && 'cursor' in frame ? frame.cursor : '';
  }

  /** As a lost connection: without a closing handshake. */
  cut(): void {
    this.socket.terminate();
  }

  close(): void {
    this.socket.close();
  }
}

export interface SeenRow {
  /** Name and tags of its series. */
  readonly series: string;
  readonly values: readonly (string | number | boolean | null)[];
  readonly final: boolean;
  readonly rev: number;
  /** Of the window, where the query asks for it. */
  readonly end?: string | number | boolean | null;
}

/** Frames of rows as rows, in order. */
export function rowsOf(frames: readonly RowsFrame[]): SeenRow[] {
  return frames.flatMap(({ series, final, rev }) =>
    series.flatMap(({ name, tags, columns, values }) =>
      values.map((row) => {
        const end = row[columns.indexOf('_end')];
        return { series: seriesName(name, tags), values: row, final, rev, ...(end !== undefined && { end }) };
      }),
    ),
  );
}

/** The last row of each (series, time), as a client of windows keeps them; where rows say `_end`, of each that begins and ends so. */
export function latestRows(frames: readonly RowsFrame[]): Map<string, SeenRow> {
  const latest = new Map<string, SeenRow>();
  for (const row of rowsOf(frames)) {
    const till = row.end === undefined ? '' : ` ${row.end}`;
    latest.set(`${row.series} ${row.values[0]}${till}`, row);
  }
  return latest;
}

export function seriesName(name: string, tags: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return [name, ...pairs.map(([key, value]) => `${key}=${value}`)].join(',');
}
