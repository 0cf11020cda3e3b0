/** What benchmarks send: a body over a kept connection, and the flags they are called with. */
import { type Agent, request } from 'node:http';

/** The text of the answer. */
export function get(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url}: ${response.statusCode} ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Resolves when the body has been taken; rejects with what the server said else. */
export function post(url: string, body: Buffer, agent?: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method: 'POST', agent, headers: { 'content-length': body.length } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        if (response.statusCode === 204) resolve();
        else reject(new Error(`${url}: ${response.statusCode} ${text}`));
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

export function flagValue(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at === -1 ? undefined : args[at + 1];
}
