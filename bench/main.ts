/**
 * `npm run bench -- NAME [flags]`: the project's benchmarks. Each prints what it measured and appends nothing anywhere; results worth
 * keeping are put into bench/results/ as text by hand or with `--save`.
 */
import { runBackup } from './backup.ts';
import { runExport } from './export.ts';
import { runIngest } from './ingest.ts';
import { runLive } from './live.ts';
import { runLiveDelta } from './live-delta.ts';
import { runLiveMany } from './live-many.ts';
import { runLiveStalled } from './live-stalled.ts';
import { runLiveUpdates } from './live-updates.ts';
import { runQueries } from './queries.ts';
import { runRestart } from './restart.ts';
import { runScan } from './scan.ts';
import { runSeries } from './series.ts';
import { runSize } from './size.ts';
import { runTimeline } from './timeline.ts';

interface Bench {
  readonly run: (args: readonly string[]) => Promise<string>;
  readonly about: string;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  ingest: { run: runIngest, about: 'lines a second over HTTP, beside VictoriaMetrics and InfluxDB' },
  series: { run: runSeries, about: 'memory of a million series, and the pauses of new ones' },
  size: { run: runSize, about: 'bytes a value on disk, beside VictoriaMetrics and InfluxDB' },
  scan: { run: runScan, about: 'values a second of one column, from warm and from cold files' },
  timeline: { run: runTimeline, about: 'the last 50 events of one user among a million' },
  queries: { run: runQueries, about: 'the TSBS devops queries over HTTP, beside InfluxDB and DuckDB' },
  restart: { run: runRestart, about: 'from kill -9 to the first answer, over a large log' },
  backup: { run: runBackup, about: 'backup and restore, beside tar' },
  export: { run: runExport, about: 'export of a large measurement, and the memory that it takes' },
  live: { run: runLive, about: 'time from write, and from the end of a window, to the frame' },
  'live-many': { run: runLiveMany, about: 'ten thousand live queries, and as many subscribers of one' },
  'live-updates': { run: runLiveUpdates, about: 'row updates to a thousand sockets, beside bare uWebSockets.js' },
  'live-stalled': { run: runLiveStalled, about: 'a thousand readers of which a hundred stop' },
  'live-delta': { run: runLiveDelta, about: 'bytes of what changes in a table, beside the table' },
};

const [name, ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  const list = Object.entries(BENCHES).map(([one, { about }]) => `  ${one.padEnd(14)}${about}`);
  console.error(`usage: npm run bench -- NAME [flags] [--save]\n\n${list.join('\n')}`);
  process.exitCode = 1;
} else {
  const { saveResult } = await import('./report.ts');
  const report = await bench.run(args);
  process.stdout.write(report);
  if (args.includes('--save')) saveResult(name, report);
}
