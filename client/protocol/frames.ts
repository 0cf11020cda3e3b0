/**
 * The frames of `/live`, protocol 1: JSON texts, one object each. This file is the wire contract; server and SDK import it.
 *
 *     client                              server
 *       │ ◀──────────────────────── welcome │
 *       │ subscribe id=s1 q=… ────────────▶ │
 *       │ ◀─────────────────── subscribed   │   canonical text of the query
 *       │ ◀── rows phase=snapshot cursor    │   history up to position P …
 *       │ ◀── rows phase=live     cursor    │   … and the stream from P + 1
 *       │ ◀── progress watermark  cursor    │   quiet, not stalled
 *       ╳  (connection lost)                │
 *       │ subscribe id=s1 since=<cursor> ─▶ │   exactly what was missed, or `reset` and a snapshot
 */

export const PROTOCOL = 1;

export type Epoch = 'ns' | 'u' | 'ms' | 's' | 'm' | 'h';
export type Mode = 'latest' | 'every';
export type FrameValue = string | number | boolean | null;

export type ClientFrame =
  | { op: 'auth'; token: string }
  | {
      op: 'subscribe';
      id: string;
      db: string;
      q: string;
      /** Cursor of the last frame seen. */
      since?: string;
      /** false: no snapshot, only what comes. Default true. */
      snapshot?: boolean;
      /** Unit of times in rows; absent = RFC3339 texts. */
      epoch?: Epoch;
      /** true: live rows of a series that was named before come by its number (`refs`). Default false. */
      refs?: boolean;
      /** Subscriptions of one connection with the same group move to one watermark together. */
      group?: string;
      /** Default latest. */
      mode?: Mode;
      /** At most so many rows frames a second for this subscription. */
      maxHz?: number;
    }
  | { op: 'update'; id: string; maxHz?: number; mode?: Mode }
  | { op: 'pause'; id: string }
  | { op: 'resume'; id: string }
  | { op: 'unsubscribe'; id: string }
  | { op: 'write'; id: string; db: string; precision?: string; lines: string }
  | { op: 'query'; id: string; db: string; q: string; epoch?: Epoch }
  | { op: 'ping' };

export interface FrameSeries {
  /** Its number from now on, where the client asked for `refs`. */
  ref?: number;
  name: string;
  tags?: Record<string, string>;
  columns: string[];
  values: FrameValue[][];
}

export interface RowsFrame {
  op: 'rows';
  id: string;
  phase: 'snapshot' | 'live';
  final: boolean;
  rev: number;
  series: FrameSeries[];
  /** `[number of the series, …values]`; of series named in this frame or before. Come behind the rows of `series`. */
  refs?: [number, ...FrameValue[]][];
  cursor: string;
}

export type ServerFrame =
  | { op: 'welcome'; protocol: number; server: string }
  | { op: 'subscribed'; id: string; query: string }
  | RowsFrame
  /** Who asked for `refs` is told of the series that have numbers already, from number `from` on. */
  | { op: 'series'; id: string; from: number; series: Omit<FrameSeries, 'values'>[] }
  /** Keys as in `row-key.ts`. `from`: nor is any other row from this time on, of whatever series; those that are follow. */
  | { op: 'delete'; id: string; series: string[]; from?: FrameValue; cursor: string }
  | { op: 'progress'; id: string; watermark: FrameValue; cursor: string }
  /** All of the group have come so far, ms since 1970: what came before this frame belongs together. */
  | { op: 'group'; id: string; group: string; watermarkMs: number }
  | { op: 'gap'; id: string; from: string; to: string; reason: string }
  | { op: 'reset'; id: string; reason: string }
  | { op: 'status'; id: string; lagMs: number; conflated: number }
  | { op: 'written'; id: string; position: string }
  | { op: 'result'; id: string; results: unknown[] }
  | { op: 'goaway'; retryAfterMs: number }
  | { op: 'error'; id?: string; code: ErrorCode; message: string; at?: number }
  | { op: 'pong' };

export type ErrorCode =
  | 'bad frame'
  | 'parse'
  | 'invalid query'
  | 'database not found'
  | 'partial write'
  | 'unauthorized'
  | 'forbidden'
  | 'too many subscriptions'
  | 'too large'
  | 'busy'
  | 'unknown subscription'
  | 'internal';

/** A client's frame may not be longer: 1 MiB, enough for a few thousand lines of `write`. */
export const CLIENT_FRAME_BYTES_MAX = 1024 * 1024;
