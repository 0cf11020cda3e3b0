/** An engine that a test plays: writes and queries are recorded and answered by functions, feeds are pushed by hand. */
import {
  type BackupRequest,
  type Credentials,
  type Engine,
  EngineError,
  type Feed,
  type FeedFrame,
  type MetadataRequest,
  type QueryRequest,
  type RestoreRequest,
  type SaidOf,
  type SubscribeRequest,
  type WriteOutcome,
  type WriteRequest,
} from '../../../../../server/sessions/engine.ts';

const encoder = new TextEncoder();

export class FakeFeed implements Feed {
  readonly query: string;
  readonly request: SubscribeRequest;
  readonly #frame: (frame: FeedFrame) => void;
  closed = false;

  constructor(request: SubscribeRequest, frame: (frame: FeedFrame) => void) {
    this.request = request;
    this.query = request.text.trim();
    this.#frame = frame;
  }

  close(): void {
    this.closed = true;
  }

  /** A rows frame of one series: `values` as JSON texts of rows. */
  rows(
    values: string,
    cursor: string,
    options: { phase?: 'snapshot' | 'live'; rev?: number; host?: string; watermarkMs?: number } = {},
  ): void {
    const { phase = 'live', rev = 0, host = 'a' } = options;
    const series = `{"name":"cpu","tags":{"host":"${host}"},"columns":["time","v"],"values":[${values}]}`;
    this.push(
      'rows',
      `"phase":"${phase}","final":true,"rev":${rev},"series":[${series}],"cursor":"${cursor}"`,
      cursor,
      phase,
      options.watermarkMs,
    );
  }

  push(
    op: FeedFrame['op'],
    members: string,
    cursor = '',
    phase: 'snapshot' | 'live' = 'live',
    watermarkMs: number | null = null,
  ): void {
    if (!this.closed) this.#frame({ op, members: encoder.encode(members), cursor, phase, watermarkMs });
  }
}

export class FakeEngine implements Engine {
  readonly writes: (WriteRequest & { text: string })[] = [];
  readonly queries: QueryRequest[] = [];
  readonly feeds: FakeFeed[] = [];
  readonly backups: BackupRequest[] = [];
  readonly restored: RestoreRequest[] = [];
  ready = true;
  guarded = false;
  /** Name → password. */
  users: Readonly<Record<string, string>> = {};
  outcome: WriteOutcome = { position: 'p1', partial: null, buffer: new ArrayBuffer(0) };
  pieces: (request: QueryRequest, signal: AbortSignal) => AsyncIterable<Uint8Array> = () =>
    piecesOf('{"results":[{"statement_id":0}]}\n');
  refusal: EngineError | null = null;

  async write(request: WriteRequest): Promise<WriteOutcome> {
    if (this.refusal !== null) throw this.refusal;
    if (request.database === 'missing') throw new EngineError('database not found', 'database not found: "missing"');
    if (request.database === 'bug') throw new TypeError('secret');
    this.writes.push({ ...request, text: new TextDecoder().decode(request.body) });
    return this.outcome;
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    if (this.refusal !== null) throw this.refusal;
    this.queries.push(request);
    return this.pieces(request, signal);
  }

  async backup(request: BackupRequest): Promise<AsyncIterable<Uint8Array>> {
    if (this.refusal !== null) throw this.refusal;
    this.backups.push(request);
    return piecesOf('an ', 'archive');
  }

  async restore(request: RestoreRequest): Promise<number> {
    if (this.refusal !== null) throw this.refusal;
    this.restored.push(request);
    return 7;
  }

  async subscribe(request: SubscribeRequest, frame: (frame: FeedFrame) => void): Promise<Feed> {
    if (this.refusal !== null) throw this.refusal;
    const feed = new FakeFeed(request, frame);
    this.feeds.push(feed);
    return feed;
  }

  async authenticate(credentials: Credentials | null): Promise<string | null> {
    if (!this.guarded) return null;
    if (Object.keys(this.users).length === 0) return '';
    if (credentials?.kind === 'password' && this.users[credentials.user] === credentials.password) {
      return credentials.user;
    }
    throw new EngineError('unauthorized', 'authorization failed');
  }

  readonly said: { readonly request: MetadataRequest; readonly said: unknown }[] = [];

  async metadata({ measurement, series }: MetadataRequest): Promise<readonly SaidOf[]> {
    return [{ measurement: measurement ?? 'cpu', series, unit: 'ms' }];
  }

  async setMetadata(request: MetadataRequest, said: unknown): Promise<void> {
    this.said.push({ request, said });
  }

  health(): { ready: boolean; message: string } {
    return { ready: this.ready, message: this.ready ? 'ready for queries and writes' : 'starting' };
  }
}

export async function* piecesOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield encoder.encode(text);
}
