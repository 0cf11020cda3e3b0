/**
 * The keys in `delete` frames. A key is a JSON text: `["cpu",{"host":"a"},<time>]` names one row, by its series and the time exactly
 * as it stood in the row (text or number, by the subscription's epoch); `["cpu",{"host":"a"}]` names all rows of a series. Tags are
 * sorted by key, so that one row has one key.
 */
import type { FrameValue } from './frames.ts';

export interface RowKey {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  /** undefined: the whole series. */
  readonly time: FrameValue | undefined;
}

export function encodeRowKey(
  name: string,
  tags: Readonly<Record<string, string>> | undefined,
  time?: FrameValue,
): string {
  const sorted = sortTags(tags ?? {});
  return JSON.stringify(time === undefined ? [name, sorted] : [name, sorted, time]);
}

/** null where the text is not a key. */
export function decodeRowKey(text: string): RowKey | null {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parts) || typeof parts[0] !== 'string' || typeof parts[1] !== 'object' || parts[1] === null)
    return null;
  return { name: parts[0], tags: parts[1], time: parts[2] };
}

// private functions

function sortTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
