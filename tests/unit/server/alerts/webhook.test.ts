/** Webhooks against a double of HTTP and of the clock: order, retries and their pauses, what is let go, the signature. */
import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import {
  type Delivery,
  EXPIRED_MS,
  signature,
  WAITING_MAX,
  Webhook,
  type WebhookPort,
} from '../../../../server/alerts/webhook.ts';

const URL_OF_HOOK = 'http://hook.test/';

describe('webhook', () => {
  it('delivers one after the other, signed over time and body', async () => {
    const world = new World();
    const hook = new Webhook(URL_OF_HOOK, 'key', [], world);
    hook.offer(delivery('a'));
    hook.offer(delivery('b'));
    await world.turns();
    expect(world.sent.map(({ id }) => id)).to.deep.equal(['a', 'b']);
    expect(world.sentAtOnceMax).to.equal(1);
    const sum = createHmac('sha256', 'key').update('1.{"n":"a"}').digest('hex');
    expect(world.sent[0].signature).to.equal(`t=1,v1=${sum}`);
    expect(signature('key', 1999, '{"n":"a"}')).to.equal(`t=1,v1=${sum}`);
    expect(world.counted).to.deep.equal({ delivered: 2 });
  });

  it('does not sign without a secret', async () => {
    const world = new World();
    new Webhook(URL_OF_HOOK, '', [delivery('a')], world);
    await world.turns();
    expect(world.sent[0].signature).to.equal(undefined);
  });

  it('tries again what may pass, in order, after longer and longer pauses', async () => {
    const world = new World();
    world.answers = [500, 429, new Error('ECONNREFUSED'), 200, 200, 503];
    const hook = new Webhook(URL_OF_HOOK, '', [delivery('a'), delivery('b')], world);
    for (let n = 0; n < 3; n++) await world.elapse();
    expect(world.pauses).to.deep.equal([750, 1500, 3000]);
    expect(world.sent.map(({ id }) => id)).to.deep.equal(['a', 'a', 'a', 'a', 'b']);
    hook.offer(delivery('c'));
    await world.elapse();
    expect(world.pauses.at(-1), 'a success ends the row of pauses').to.equal(750);
    expect(world.counted).to.deep.equal({ retried: 4, delivered: 3 });
    expect(hook.waiting).to.deep.equal([]);
  });

  it('takes a refusal for an answer and goes on', async () => {
    const world = new World();
    world.answers = [404, 302, 200];
    new Webhook(URL_OF_HOOK, '', ['a', 'b', 'c'].map(delivery), world);
    await world.turns();
    expect(world.counted).to.deep.equal({ refused: 2, delivered: 1 });
  });

  it('lets the oldest go that is not under way where too many wait', async () => {
    const world = new World();
    world.answers = [new Promise<number>(() => {})];
    const hook = new Webhook(URL_OF_HOOK, '', [], world);
    for (let n = 0; n <= WAITING_MAX; n++) hook.offer(delivery(String(n)));
    expect(hook.waiting.length).to.equal(WAITING_MAX);
    expect(hook.waiting.slice(0, 2).map(({ id }) => id)).to.deep.equal(['0', '2']);
    expect(world.counted).to.deep.equal({ dropped: 1 });
  });

  it('lets go what nobody took in time', async () => {
    const world = new World();
    world.answers = [500, 200];
    const hook = new Webhook(URL_OF_HOOK, '', [delivery('a')], world);
    await world.turns();
    world.ms += EXPIRED_MS + 1;
    hook.offer({ ...delivery('b'), atMs: world.ms });
    await world.elapse();
    expect(world.counted).to.deep.equal({ retried: 1, expired: 1, delivered: 1 });
    expect(world.sent.map(({ id }) => id)).to.deep.equal(['a', 'b']);
  });

  it('keeps what was under way when it is closed', async () => {
    const world = new World();
    world.answers = [new Promise<number>(() => {})];
    const hook = new Webhook(URL_OF_HOOK, '', [delivery('a')], world);
    hook.close();
    await world.turns();
    expect(hook.waiting.map(({ id }) => id)).to.deep.equal(['a']);
    expect(world.counted).to.deep.equal({});
  });
});

// private functions

class World implements WebhookPort {
  ms = 1_000;
  answers: (number | Error | Promise<number>)[] = [];
  readonly sent: { readonly id: string; readonly signature: string | undefined }[] = [];
  readonly pauses: number[] = [];
  readonly counted: Record<string, number> = {};
  sentAtOnceMax = 0;
  #underWay = 0;
  #waiting: (() => void) | null = null;

  async post(
    _url: string,
    headers: Readonly<Record<string, string>>,
    _body: string,
    signal: AbortSignal,
  ): Promise<number> {
    this.sent.push({ id: headers['X-Millrace-Delivery'], signature: headers['X-Millrace-Signature'] });
    this.sentAtOnceMax = Math.max(this.sentAtOnceMax, ++this.#underWay);
    try {
      const answer = this.answers.shift() ?? 200;
      if (answer instanceof Error) throw answer;
      const aborted = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('aborted'))),
      );
      return await Promise.race([answer, aborted]);
    } finally {
      this.#underWay--;
    }
  }

  nowMs(): number {
    return this.ms;
  }

  later(ms: number, act: () => void): () => void {
    this.pauses.push(ms);
    this.#waiting = act;
    return () => {
      this.#waiting = null;
    };
  }

  random(): number {
    return 0.5;
  }

  count(outcome: string): void {
    this.counted[outcome] = (this.counted[outcome] ?? 0) + 1;
  }

  async turns(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The pause under way ends. */
  async elapse(): Promise<void> {
    await this.turns();
    const act = this.#waiting;
    this.#waiting = null;
    act?.();
    await this.turns();
  }
}

function delivery(id: string): Delivery {
  return { id, body: `{"n":"${id}"}`, atMs: 0 };
}
