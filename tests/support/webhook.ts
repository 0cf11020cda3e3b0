/** A webhook's other side on a free port of 127.0.0.1: keeps what it is sent, and answers as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON came
  readonly body: any;
}

/** A status, `reset`: the connection ends without an answer. */
export type HookAnswer = number | 'reset';

export class TestHook {
  /** All requests, answered well or not. */
  readonly received: Received[] = [];
  /** One for each request; then 204. */
  answers: HookAnswer[] = [];
  readonly url: string;
  #server: Server | null = null;
  readonly #port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}/hook`;
  }

  static async open(): Promise<TestHook> {
    const server = createServer();
    const hook = new TestHook(server, await listening(server, 0));
    hook.#serve(server);
    return hook;
  }

  /** From now on connections are refused. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** On the same port. */
  async reopen(): Promise<void> {
    const server = createServer();
    await listening(server, this.#port);
    this.#server = server;
    this.#serve(server);
  }

  // private functions

  #serve(server: Server): void {
    server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      request.on('end', () => {
        this.received.push({ headers: request.headers, text, body: JSON.parse(text) });
        const answer = this.answers.shift() ?? 204;
        if (answer === 'reset') request.socket.destroy();
        else response.writeHead(answer).end();
      });
    });
  }
}

// private functions

async function listening(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
