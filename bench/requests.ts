/** What benchmarks ask: of a server over a kept connection, of its process, and the flags they are called with. */
import { readFileSync } from 'node:fs';
import { type Agent, request } from 'node:http';

/** Ticks of /proc/PID/stat. */
const TICKS_PER_SECOND = 100;

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

/** Of all threads of a process, user and system. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
