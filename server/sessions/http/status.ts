/** `/ping`, `/health`, `/ready`, `/metrics`, `/debug/vars`: what the server says of itself. */
import type { Engine } from '../engine.ts';
import { type Exchange, replyEmpty, replyJson, replyText } from './exchange.ts';
import { isTrue } from './parameters.ts';

export interface StatusParts {
  readonly engine: Engine;
  readonly version: string;
  /** Prometheus text. */
  readonly metrics: () => string | Promise<string>;
  /** Body of `/debug/vars`: plain data. */
  readonly vars: () => unknown | Promise<unknown>;
}

export function ping(exchange: Exchange, { version }: StatusParts): void {
  if (isTrue(exchange.parameters.get('verbose'))) replyJson(exchange, 200, { version });
  else replyEmpty(exchange, 204);
}

export function health(exchange: Exchange, { engine, version }: StatusParts): void {
  const { ready, message } = engine.health();
  const status = ready ? 'pass' : 'fail';
  replyJson(exchange, ready ? 200 : 503, { name: 'millrace', message, status, checks: [], version });
}

export function ready(exchange: Exchange, { engine }: StatusParts): void {
  const state = engine.health();
  replyJson(exchange, state.ready ? 200 : 503, { status: state.ready ? 'ready' : 'starting', message: state.message });
}

export async function metrics(exchange: Exchange, parts: StatusParts): Promise<void> {
  replyText(exchange, 200, 'text/plain; version=0.0.4; charset=utf-8', await parts.metrics());
}

export async function vars(exchange: Exchange, parts: StatusParts): Promise<void> {
  replyJson(exchange, 200, await parts.vars());
}
