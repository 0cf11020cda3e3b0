/**
 * The members of live frames, encoded once per query for all of its subscribers: what stands between the subscription's id and the
 * closing brace of a frame (client/protocol). Called by a live query's home worker; sessions only put an id in front.
 */
import { type Epoch, encodeRowKey } from '../../../client/protocol/index.ts';
import type { ResultTable } from '../../../query/index.ts';
import { jsonText } from './cells.ts';
import { RowWriter, seriesHead } from './json.ts';
import { JsonBytes } from './json-bytes.ts';
import { sameSeries } from './series.ts';
import type { SeriesNumbers } from './series-numbers.ts';
import { timeText } from './times.ts';

export interface RowsEmission {
  readonly phase: 'snapshot' | 'live';
  readonly final: boolean;
  readonly rev: number;
  readonly tables: readonly ResultTable[];
  /** '' where a client that has seen this frame stands nowhere yet: all frames of a snapshot but its last. */
  readonly cursor: string;
}

const encoder = new TextEncoder();

/**
 * `"phase":…,"final":…,"rev":…,"series":[…],"cursor":"…"`. Consecutive tables of one series become one series. With numbers, a series
 * that has none is given one, `"ref":n` before its name, and rows of those that have one stand apart: `"refs":[[n,time,…],…]`.
 */
export function encodeRowsMembers(emission: RowsEmission, epoch: Epoch | null, numbers?: SeriesNumbers): Uint8Array {
  const { phase, final, rev, cursor } = emission;
  const refs = numbers && new JsonBytes();
  const tables = refs ? emission.tables.filter((table) => !writeRefs(table, epoch, numbers, refs)) : emission.tables;
  const out = new JsonBytes();
  const writer = new RowWriter(out, epoch);
  out.text(`"phase":"${phase}","final":${final},"rev":${rev},"series":[`);
  let rows = 0;
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    if (i === 0 || !sameSeries(tables[i - 1], table)) {
      const head = seriesHead(table);
      const number = numbers === undefined ? -1 : numbers.of(head);
      out.text(`${i === 0 ? '' : ']},'}{${number < 0 ? '' : `"ref":${number},`}${head},"values":[`);
      rows = 0;
    }
    if (table.rows === 0) continue;
    if (rows > 0) out.text(',');
    writer.write(table, 0, table.rows);
    rows += table.rows;
  }
  out.text(tables.length === 0 ? ']' : ']}]');
  if (refs !== undefined && refs.length > 0) {
    out.text(',"refs":[');
    out.takeFrom(refs);
    out.text(']');
  }
  out.text(`,"cursor":${jsonText(cursor)}`);
  return out.take();
}

/** Series by number, from `from` on: `"from":…,"series":[{"name":…},…]`. */
export function encodeSeriesMembers(from: number, heads: readonly string[]): Uint8Array {
  return encoder.encode(`"from":${from},"series":[${heads.map((head) => `{${head}}`).join(',')}]`);
}

/** The rows of the tables are no more; `from`: nor is any row from this time on, ns; null = that is not said. */
export function encodeDeleteMembers(
  tables: readonly ResultTable[],
  from: bigint | null,
  epoch: Epoch | null,
  cursor: string,
): Uint8Array {
  const keys = tables.flatMap((table) => rowKeys(table, epoch));
  const since = from === null ? '' : `"from":${timeText(from, epoch)},`;
  return encoder.encode(`"series":[${keys.map(jsonText).join(',')}],${since}"cursor":${jsonText(cursor)}`);
}

/** `watermark`: ns; null where nothing was seen yet. */
export function encodeProgressMembers(watermark: bigint | null, epoch: Epoch | null, cursor: string): Uint8Array {
  const text = watermark === null ? 'null' : timeText(watermark, epoch);
  return encoder.encode(`"watermark":${text},"cursor":${jsonText(cursor)}`);
}

export function encodeResetMembers(reason: string): Uint8Array {
  return encoder.encode(`"reason":${jsonText(reason)}`);
}

export function encodeErrorMembers(code: string, message: string, at?: number): Uint8Array {
  const place = at === undefined ? '' : `,"at":${at}`;
  return encoder.encode(`"code":${jsonText(code)},"message":${jsonText(message)}${place}`);
}

// private functions

/** As in client/protocol/row-key.ts. */
function rowKeys({ name, tags, rows, data: [time] }: ResultTable, epoch: Epoch | null): string[] {
  if (time.type !== 'time') return [];
  const series = encodeRowKey(name, Object.fromEntries(tags ?? [])).slice(0, -1);
  return Array.from({ length: rows }, (_, row) => {
    return `${series},${timeText(time.base + BigInt(time.offsets[row]), epoch)}]`;
  });
}

/** False where the series has no number yet: it gets one, where there is one left, and its rows are to be written with its name. */
function writeRefs(table: ResultTable, epoch: Epoch | null, numbers: SeriesNumbers, out: JsonBytes): boolean {
  const head = seriesHead(table);
  const number = numbers.of(head);
  if (number < 0) {
    numbers.add(head);
    return false;
  }
  if (table.rows === 0) return true;
  if (out.length > 0) out.text(',');
  new RowWriter(out, epoch, `${number},`).write(table, 0, table.rows);
  return true;
}
