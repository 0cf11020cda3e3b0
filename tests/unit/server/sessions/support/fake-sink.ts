/** A sink whose reader stops when told, and a clock that a test moves. */
import type { SessionClock, Sink } from '../../../../../server/sessions/live/sink.ts';

export class FakeSink implements Sink {
  readonly frames: Record<string, unknown>[] = [];
  readonly texts: string[] = [];
  /** False: everything sent is the last thing there was room for. */
  room = true;
  ended: { code: number; reason: string } | null = null;

  send(frame: Uint8Array): boolean {
    const text = new TextDecoder().decode(frame);
    this.texts.push(text);
    this.frames.push(JSON.parse(text));
    return this.room;
  }

  end(code: number, reason: string): void {
    this.ended = { code, reason };
  }

  ops(): unknown[] {
    return this.frames.map((frame) => frame.op);
  }

  /** Takes out what was sent so far. */
  take(): Record<string, unknown>[] {
    this.texts.length = 0;
    return this.frames.splice(0);
  }
}

export class FakeClock implements SessionClock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  nowMs(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }
}

/** Lets everything that waits for promises run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
