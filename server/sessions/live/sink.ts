/**
 * Sink: where a live session's frames go: a WebSocket, a stream of Server-Sent Events or of lines. `send` takes everything and says
 * false when the client is slow; whoever owns the session then calls its `drain` once there is room.
 */
export interface Sink {
  /** A whole frame as UTF-8 JSON; `cursor` is where it leaves the client, '' = unchanged. */
  send(frame: Uint8Array, cursor: string): boolean;
  /** Ends the connection with a WebSocket close code. */
  end(code: number, reason: string): void;
}

/** Time and timers as sessions need them. */
export interface SessionClock {
  nowMs(): number;
  /** Calls back once after so long; the result cancels. */
  after(ms: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: SessionClock = {
  nowMs: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
