/**
 * Export: a large measurement asked for whole in each format by `GET /query`, as `millrace export` asks, and thrown away. Rows by second,
 * the processor time it took, and how much more memory the server held at its highest than before: it must not grow with the measurement.
 * Memory is the kernel's high-water mark of resident memory, set back before each export.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { seeded } from './devops-data.ts';
import { machineLine, table } from './report.ts';
import { bytesOf, cpuSeconds, flagValue, get, writeLines } from './requests.ts';
import { startMillrace } from './servers.ts';

const ROWS = 10_000_000;
/** Short ones as of many hosts, and one long one. */
const SERIES = [1_000, 1];
const LINES_PER_BODY = 10_000;
const START = 1_767_225_600;
const FLAGS = ['--head-bytes', String(32 * 1024 * 1024), '--log-keep-bytes', '0', '--telemetry-ms', '0'];
const FORMATS: Readonly<Record<string, string>> = {
  parquet: 'application/vnd.apache.parquet',
  csv: 'text/csv',
  line: 'application/x-line-protocol',
  arrow: 'application/vnd.apache.arrow.stream',
};

/** Flags: `--rows N`, `--format NAME`. */
export async function runExport(args: readonly string[]): Promise<string> {
  const rows = Number(flagValue(args, '--rows') ?? ROWS);
  const only = flagValue(args, '--format');
  const server = await startMillrace(FLAGS, { watched: true });
  const lines = [['format', 'series', 'rows/s', 'MB', 'CPU s', 'RSS before MB', 'highest MB', 'growth MB']];
  try {
    for (const series of SERIES) {
      await fill(server.url, `m${series}`, rows, series);
      for (const [format, accept] of Object.entries(FORMATS)) {
        if (only !== undefined && only !== format) continue;
        const { rssBytes } = await server.inside();
        const cpu = cpuSeconds(server.pid);
        // sets VmHWM to VmRSS
        writeFileSync(`/proc/${server.pid}/clear_refs`, '5');
        const q = `SELECT *::field FROM m${series} GROUP BY *`;
        const began = performance.now();
        const bytes = await bytesOf(`${server.url}/query?db=bench&q=${encodeURIComponent(q)}`, accept);
        const seconds = (performance.now() - began) / 1000;
        const highest = highWaterBytes(server.pid);
        lines.push([
          format,
          String(series),
          Math.round(rows / seconds).toLocaleString('en'),
          megabytes(bytes),
          (cpuSeconds(server.pid) - cpu).toFixed(1),
          megabytes(rssBytes),
          megabytes(highest),
          megabytes(highest - rssBytes),
        ]);
      }
    }
  } finally {
    await server.stop();
  }
  const what = `${rows.toLocaleString('en')} rows of a float, an integer and a text`;
  return `export of a measurement: ${what}\n${machineLine()}\n\n${table(lines)}\n`;
}

// private functions

async function fill(url: string, measurement: string, rows: number, series: number): Promise<void> {
  const random = seeded(3);
  await writeLines(url, rows, LINES_PER_BODY, (i) => {
    const fields = `v=${(random() * 100).toFixed(3)},n=${i % 977}i,s="state ${i % 7}"`;
    return `${measurement},host=h${i % series} ${fields} ${START + Math.floor(i / series)}`;
  });
  const found = await get(`${url}/query?db=bench&q=${encodeURIComponent(`SELECT count(n) FROM ${measurement}`)}`);
  if (!found.includes(`,${rows}]`)) throw new Error(`${rows} rows were written: ${found}`);
}

/** Of resident memory since it was set back. */
function highWaterBytes(pid: number): number {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
