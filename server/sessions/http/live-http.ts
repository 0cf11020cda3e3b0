/**
 * `GET /live` without an upgrade: one live query as a stream, lines of JSON by default, Server-Sent Events where `Accept` asks for
 * them. The frames are those of the WebSocket; the id of an event is the cursor, so a browser that reconnects sends it back as
 * `Last-Event-ID` and misses nothing.
 */
import { clearInterval, setInterval } from 'node:timers';
import type { ErrorCode, Mode, ServerFrame } from '../../../client/protocol/index.ts';
import type { DoorResponse } from '../door/door.ts';
import { statusOf } from '../error-table.ts';
import { LiveSession, type LiveSessionOptions } from '../live/live-session.ts';
import type { Sink } from '../live/sink.ts';
import { type Exchange, replyError } from './exchange.ts';
import { isTrue, readEpoch } from './parameters.ts';

/** Id of the one subscription of such a stream. */
const STREAM_ID = 'live';
/** Means nothing between two lines: a frame that clients know and need not act on. */
const LINE_FILLER = '{"op":"pong"}\n';
const EVENT_FILLER = ':\n\n';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface LiveHttpParts {
  readonly session: LiveSessionOptions;
  readonly heartbeatMs: number;
  /** Sessions that are open: told when the server goes away. */
  readonly open: Set<LiveSession>;
}

export function liveHttp(exchange: Exchange, parts: LiveHttpParts): void {
  const { request, response, parameters } = exchange;
  const database = parameters.get('db') ?? '';
  const text = parameters.get('q') ?? '';
  if (text === '') {
    replyError(exchange, 400, 'missing required parameter "q": or connect a websocket here');
    return;
  }
  const mode = parameters.get('mode') ?? 'latest';
  const maxHz = Number(parameters.get('maxHz') ?? 0);
  if ((mode !== 'latest' && mode !== 'every') || !(maxHz >= 0)) {
    replyError(exchange, 400, 'mode must be latest or every, maxHz a number');
    return;
  }
  const events = (request.headers.get('accept') ?? '').includes('text/event-stream');
  const filler = events ? EVENT_FILLER : LINE_FILLER;
  const type = events ? 'text/event-stream' : 'application/x-ndjson';
  const start = (): void => {
    response.start(200, { ...exchange.headers, 'Content-Type': type, 'Cache-Control': 'no-store' }, filler);
  };
  if (request.method === 'HEAD') {
    start();
    response.end();
    return;
  }
  const sink = heldUntilSubscribed(streamSink(response, events), start, ({ code, message }) => {
    leave();
    replyError(exchange, statusOf(code), message);
  });
  const session = new LiveSession(sink, parts.session, exchange.user);
  const heartbeat = setInterval(() => {
    if (sink.started() && response.buffered() === 0) response.write(encoder.encode(filler));
  }, parts.heartbeatMs);
  parts.open.add(session);
  response.onDrain(() => session.drain());
  const leave = (): void => {
    clearInterval(heartbeat);
    parts.open.delete(session);
    session.close();
  };
  request.signal.addEventListener('abort', leave);
  session.open();
  session.subscribe({
    op: 'subscribe',
    id: STREAM_ID,
    db: database,
    q: text,
    since: request.headers.get('last-event-id') ?? parameters.get('since') ?? '',
    snapshot: !parameters.has('snapshot') || isTrue(parameters.get('snapshot')),
    epoch: readEpoch(parameters.get('epoch')) ?? undefined,
    mode: mode as Mode,
    maxHz,
  });
}

// private functions

/**
 * Holds the first frames back until the subscription stands, so that a query which cannot be live is an answer with a status, not a
 * stream with a 200 and an error in it.
 */
function heldUntilSubscribed(
  sink: Sink,
  start: () => void,
  refuse: (error: { code: ErrorCode; message: string }) => void,
): Sink & { started(): boolean } {
  let held: Parameters<Sink['send']>[] | null = [];
  let refused = false;
  return {
    started: () => held === null && !refused,
    send(frame, cursor) {
      if (held === null) return refused || sink.send(frame, cursor);
      held.push([frame, cursor]);
      const { op, ...rest } = JSON.parse(decoder.decode(frame)) as ServerFrame;
      if (op === 'welcome') return true;
      const first = held;
      held = null;
      if (op === 'error') {
        refused = true;
        refuse(rest as { code: ErrorCode; message: string });
        return true;
      }
      start();
      return first.map((parameters) => sink.send(...parameters)).every((taken) => taken);
    },
    end(code, reason) {
      if (held === null) sink.end(code, reason);
      else refuse({ code: 'busy', message: reason });
    },
  };
}

function streamSink(response: DoorResponse, events: boolean): Sink {
  return {
    send(frame, cursor) {
      const text = decoder.decode(frame);
      if (!events) return response.write(encoder.encode(`${text}\n`));
      return response.write(encoder.encode(`${cursor === '' ? '' : `id: ${cursor}\n`}data: ${text}\n\n`));
    },
    end: () => response.end(),
  };
}
