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

/** `"phase":…,"final":…,"rev":…,"series":[…],"cursor":"…"`. Consecutive tables of one series become one series. */
export function encodeRowsMembers(emission: RowsEmission, epoch: Epoch | null): Uint8Array {
  const { phase, final, rev, tables, cursor } = emission;
  const out = new JsonBytes();
  const writer = new RowWriter(out, epoch);
  out.text(`"phase":"${phase}","final":${final},"rev":${rev},"series":[`);
  let rows = 0;
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    if (i === 0 || !sameSeries(tables[i - 1], table)) {
      out.text(`${i === 0 ? '' : ']},'}{${seriesHead(table)},"values":[`);
      rows = 0;
    }
    if (table.rows === 0) continue;
    if (rows > 0) out.text(',');
    writer.write(table, 0, table.rows);
    rows += table.rows;
  }
  out.text(`${tables.length === 0 ? '' : ']}'}],"cursor":${jsonText(cursor)}`);
  return out.take();
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

export function encodeGapMembers(from: string, to: string, reason: string): Uint8Array {
  return encoder.encode(`"from":${jsonText(from)},"to":${jsonText(to)},"reason":${jsonText(reason)}`);
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
