/**
 * DeliveryTurns: what one commit brings may take long to apply, so it is done in turns of some milliseconds, one in each round of the
 * event loop, and others run in between. The first turn is at once. It holds nothing: whoever has it keeps what waits, in order.
 */

/** After so long others have their turn. A message is not begun that would end behind it, should it take as long as the one before. */
const TURN_MS = 3;

export class DeliveryTurns {
  /** Does the next of what waits, if anything does; false: nothing is left behind it. */
  readonly #doNext: () => boolean;
  #turn: NodeJS.Immediate | null = null;

  constructor(doNext: () => boolean) {
    this.#doNext = doNext;
  }

  /** More waits than before. */
  begin(): void {
    if (this.#turn !== null || this.#isDone()) return;
    // this round of the event loop has had its turn: immediates of what it polls are called at its end
    this.#turn = setImmediate(() => this.#later());
  }

  /** What waits is not done any more. */
  stop(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
  }

  // private functions

  #later(): void {
    this.#turn = setImmediate(() => {
      this.#turn = null;
      if (!this.#isDone()) this.#later();
    });
  }

  /** One turn; false: some still wait. */
  #isDone(): boolean {
    let now = performance.now();
    const end = now + TURN_MS;
    while (this.#doNext()) {
      const began = now;
      now = performance.now();
      if (now + (now - began) > end) return false;
    }
    return true;
  }
}
