/**
 * Webhook: notifications on their way to one URL, one after the other in their order. What fails in a way that may pass (no
 * connection, no answer in time, 408, 429, 5xx) is tried again after longer and longer pauses; any other answer but 2xx is final. The
 * queue is bounded and nothing waits for ever: what is let go is counted by its reason. A notification may arrive twice, with the same
 * id, never out of order.
 *
 *     POST <url>
 *     Content-Type: application/json
 *     X-Millrace-Delivery: <id>
 *     X-Millrace-Signature: t=<unix seconds>,v1=<hex HMAC-SHA-256 of "<t>.<body>" by the secret>       where there is a secret
 *
 * It knows no alert, and reads no clock but that of its port.
 */
import { createHmac } from 'node:crypto';

/** Notifications that wait for one URL; beyond them the oldest goes. */
export const WAITING_MAX = 1_000;
/** A notification this old tells nobody anything. */
export const EXPIRED_MS = 3_600_000;
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;

export interface Delivery {
  readonly id: string;
  /** JSON. */
  readonly body: string;
  /** When it was made. */
  readonly atMs: number;
}

/** retried: of attempts, all others of notifications. dropped: the queue was full. */
export type DeliveryOutcome = 'delivered' | 'retried' | 'refused' | 'expired' | 'dropped';

export interface WebhookPort {
  /** Resolves with the status; rejects where there is none. */
  post(url: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<number>;
  nowMs(): number;
  /** Calls once after so many milliseconds; gives the way to call it off. */
  later(ms: number, act: () => void): () => void;
  /** In [0, 1). */
  random(): number;
  /** `why`: what the other side said. */
  count(outcome: DeliveryOutcome, why: string): void;
}

export class Webhook {
  readonly url: string;
  readonly #secret: string;
  readonly #port: WebhookPort;
  readonly #closing = new AbortController();
  #waiting: Delivery[] = [];
  #busy = false;
  #callOff: (() => void) | null = null;
  #pauseMs = PAUSE_MS_MIN;

  /** `secret` '' = not signed. `waiting`: what was not delivered before. */
  constructor(url: string, secret: string, waiting: readonly Delivery[], port: WebhookPort) {
    this.url = url;
    this.#secret = secret;
    this.#port = port;
    this.#waiting = [...waiting];
    void this.#send();
  }

  /** Those under way too. */
  get waiting(): readonly Delivery[] {
    return this.#waiting;
  }

  offer(delivery: Delivery): void {
    // the first may be under way
    if (this.#waiting.length >= WAITING_MAX) this.#letGo(1, 'dropped', `${WAITING_MAX} notifications wait`);
    this.#waiting.push(delivery);
    void this.#send();
  }

  /** What waits stays in `waiting`. */
  close(): void {
    this.#callOff?.();
    this.#closing.abort();
  }

  // private functions

  async #send(): Promise<void> {
    if (this.#busy || this.#callOff !== null) return;
    this.#busy = true;
    while (this.#waiting.length > 0 && !this.#closing.signal.aborted) {
      if (this.#port.nowMs() - this.#waiting[0].atMs > EXPIRED_MS) {
        this.#letGo(0, 'expired', 'nobody took it in time');
        continue;
      }
      const { outcome, why } = await this.#attempt(this.#waiting[0]);
      if (this.#closing.signal.aborted) break;
      if (outcome === 'retried') {
        this.#port.count(outcome, why);
        this.#pause();
        break;
      }
      this.#pauseMs = PAUSE_MS_MIN;
      this.#letGo(0, outcome, why);
    }
    this.#busy = false;
  }

  async #attempt({ id, body }: Delivery): Promise<{ outcome: DeliveryOutcome; why: string }> {
    const headers: Record<string, string> = { 'Content-Type': 'application/json', 'X-Millrace-Delivery': id };
    if (this.#secret !== '') headers['X-Millrace-Signature'] = signature(this.#secret, this.#port.nowMs(), body);
    try {
      const status = await this.#port.post(this.url, headers, body, this.#closing.signal);
      const passing = status === 408 || status === 429 || status >= 500;
      const outcome = status >= 200 && status < 300 ? 'delivered' : passing ? 'retried' : 'refused';
      return { outcome, why: `status ${status}` };
    } catch (error) {
      return { outcome: 'retried', why: (error as Error).message };
    }
  }

  /** Half of the pause is chance, so that many do not come back together. */
  #pause(): void {
    const ms = this.#pauseMs * (0.5 + this.#port.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
    this.#callOff = this.#port.later(ms, () => {
      this.#callOff = null;
      void this.#send();
    });
  }

  #letGo(at: number, outcome: DeliveryOutcome, why: string): void {
    this.#waiting.splice(at, 1);
    this.#port.count(outcome, why);
  }
}

/** The value of X-Millrace-Signature. */
export function signature(secret: string, nowMs: number, body: string): string {
  const seconds = Math.floor(nowMs / 1000);
  const sum = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${sum}`;
}
