/** EXPLAIN and EXPLAIN ANALYZE: a plan as lines of text; the latter reads the answer to its end and says what it was and what it took. */
import { explainPlan, type Plan, type ResultTable, textTables } from '../../query/index.ts';
import type { ShardReading } from './select-runner.ts';

export async function explainAnswer({
  plan,
  tables,
  shards,
  beganMs,
  analyze,
  read,
}: {
  readonly plan: Plan;
  readonly tables: AsyncIterable<ResultTable>;
  readonly shards: number;
  /** When planning began. */
  readonly beganMs: number;
  readonly analyze: boolean;
  /** Filled while the answer is read. */
  readonly read: readonly ShardReading[];
}): Promise<ResultTable[]> {
  const lines = explainPlan(plan, shards);
  if (!analyze) return linesTable('QUERY PLAN', lines);
  const plannedMs = performance.now();
  let rows = 0;
  const series = new Set<string>();
  for await (const table of tables) {
    rows += table.rows;
    series.add(JSON.stringify([table.name, table.tags]));
  }
  lines.push(`ROWS: ${rows}`, `SERIES: ${series.size}`);
  for (const [shard, { series, rows, blocks, blocksByStatistics, ms }] of read.entries()) {
    const known = blocksByStatistics > 0 ? `, ${blocksByStatistics} BLOCKS BY STATISTICS` : '';
    lines.push(`SHARD ${shard}: ${series} SERIES, ${rows} ROWS, ${blocks} BLOCKS READ${known}, ${ms.toFixed(3)}ms`);
  }
  lines.push(`PLANNING TIME: ${(plannedMs - beganMs).toFixed(3)}ms`);
  lines.push(`EXECUTION TIME: ${(performance.now() - plannedMs).toFixed(3)}ms`);
  return linesTable('EXPLAIN ANALYZE', lines);
}

// private functions

function linesTable(title: string, lines: readonly string[]): ResultTable[] {
  const rows = lines.map((line) => [line]);
  return textTables('', [title], rows);
}
