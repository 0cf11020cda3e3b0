/**
 * Lines per second of CPU time (all threads of the process: a busy machine does not count) of the line protocol decoder alone,
 * bounded to a few seconds. Run by hand:
 * `node bench/decode.ts [bodies]`. Bodies of 5,000 lines of 10 tags and 10 fields, 4,000 series, 4 shards; batches are not encoded.
 */
import { FieldTypeAuthority, FieldTypes, LineDecoder } from '../server/ingest/index.ts';

const LINES = 5_000;
const SERIES = 4_000;

const bodies = Number(process.argv[2] ?? 100);
for (const kind of ['integers', 'floats', 'long floats', 'strings'] as const) measure(kind, false);
measure('integers', true);

// private functions

function measure(kind: 'integers' | 'floats' | 'long floats' | 'strings', shuffled: boolean): void {
  const decoder = new LineDecoder({ shards: 4 });
  const fieldTypes = new FieldTypes();
  const authority = new FieldTypeAuthority();
  const inputs = Array.from({ length: 8 }, (_, i) => makeBody(kind, i * LINES, shuffled));
  let best = 0;
  let bytes = 0;
  for (let round = 0; round < 5; round++) {
    const start = process.cpuUsage();
    let rows = 0;
    for (let i = 0; i < bodies / 5; i++) {
      const body = inputs[i % inputs.length];
      const decoded = decoder.decode(body, {
        database: 'bench',
        retentionPolicy: 'autogen',
        precision: 'ns',
        now: 0n,
        fieldTypes,
      });
      if (decoded.newFields.length > 0) {
        fieldTypes.learn(decoded.newFields, authority.declare('bench', 'autogen', decoded.newFields));
      }
      rows += decoded.rows;
      bytes = body.length;
    }
    const { user, system } = process.cpuUsage(start);
    best = Math.max(best, rows / ((user + system) / 1e6));
  }
  const megabytes = (best * (bytes / LINES)) / 1e6;
  const order = shuffled ? 'series in random order' : 'series in turn';
  console.log(
    `${kind.padEnd(12)} ${order.padEnd(24)} ${Math.round(bytes / LINES)} bytes a line  ` +
      `${Math.round(best).toLocaleString('en')} lines/s  ${Math.round(megabytes)} MB/s`,
  );
}

function makeBody(kind: string, first: number, shuffled: boolean): Uint8Array {
  let text = '';
  for (let i = first; i < first + LINES; i++) {
    const s = shuffled ? Math.floor(Math.random() * SERIES) : i % SERIES;
    const host = `host-${String(s).padStart(6, '0')}`;
    text += `cpu,arch=x64,datacenter=eu-central-1b,hostname=${host},os=Ubuntu22.04LTS,rack=${s % 100},region=eu-central-1,service=${s % 20},service_environment=production,service_version=${s % 3},team=platform `;
    text += Array.from({ length: 10 }, (_, f) => `usage_${f}=${value(kind, i, f)}`).join(',');
    text += ` ${1_700_000_000_000_000_000n + BigInt(i) * 1_000_000n}\n`;
  }
  return new TextEncoder().encode(text);
}

function value(kind: string, i: number, f: number): string {
  if (kind === 'integers') return `${(i * 7919 + f * 104729) % 1_000_000}i`;
  if (kind === 'floats') return (((i * 7919 + f * 104729) % 1_000_000) / 1000).toFixed(3);
  if (kind === 'long floats') return String(Math.random());
  return `"state ${(i + f) % 50}"`;
}
