/** What benchmarks ask: of a server over a kept connection, of its process, and the flags they are called with. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

/** Ticks of /proc/PID/stat. */
const TICKS_PER_SECOND = 100;
/** Of `writeLines`. */
const CONNECTIONS = 4;

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

/** Resident memory of a process. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** Writes lines [0, count) to the database, as fast as several connections take them; times are in seconds. */
export async function writeLines(
  url: string,
  count: number,
  perBody: number,
  line: (i: number) => string,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let next = 0;
  const connection = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next = Math.min(count, from + perBody);
      let text = '';
      for (let i = from; i < next; i++) text += `${line(i)}\n`;
      await post(`${url}/write?db=bench&precision=s`, Buffer.from(text), agent);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
}

/** Asks, and throws the answer away; how many bytes came. */
export function bytesOf(url: string, accept?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = accept === undefined ? {} : { accept };
    const asked = request(url, { headers }, (response) => {
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`${url}: ${response.statusCode}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
