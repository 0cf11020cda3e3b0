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

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<string>>> = {
  backup: runBackup,
  export: runExport,
  ingest: runIngest,
  live: runLive,
  'live-delta': runLiveDelta,
  'live-many': runLiveMany,
  'live-stalled': runLiveStalled,
  'live-updates': runLiveUpdates,
  queries: runQueries,
  restart: runRestart,
  scan: runScan,
  series: runSeries,
  size: runSize,
  timeline: runTimeline,
};

const [name, ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join(' | ')} [--save]`);
  process.exitCode = 1;
} else {
  const { saveResult } = await import('./report.ts');
  const report = await bench(args);
  process.stdout.write(report);
  if (args.includes('--save')) saveResult(name, report);
}
