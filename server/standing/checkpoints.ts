/**
 * Checkpoints: how far each stored query of this worker has come, in one small file. It is written whole, beside the old one, and takes
 * its place when it is on the disk; so after a crash there is the one or the other. An older checkpoint is no harm: what is behind it is
 * computed and written once more, over the same points (docs/adr/0053-stored-queries.md).
 *
 *     data/standing/worker-N    {"format":1,"marks":[{"query":[database, name, created],"before","watermark","cursor"}, …]}
 *
 * The number of workers may be another one at the next start: all files are read, and of two marks the one further on counts.
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { TIME_MIN } from '../../model/index.ts';
import type { ContinuousQuery } from '../catalogue/index.ts';

const FORMAT = 1;
/** Where nothing but watermarks has moved, so many saves are one: those of idle queries move all the time. */
const WATERMARK_SAVES = 10;

/** Of one query. Both null and '' = it has not begun. */
export interface Mark {
  /** Windows that begin before this are written and can no longer change, ns; null = not known, or there are no windows. */
  readonly before: bigint | null;
  /** Where the watermark stood, ns. */
  readonly watermark: bigint | null;
  /** Of what was written last. */
  readonly cursor: string;
}

export const NO_MARK: Mark = { before: null, watermark: null, cursor: '' };

type Named = Pick<ContinuousQuery, 'database' | 'name' | 'created'>;

interface SavedMark {
  readonly query: readonly [string, string, string];
  readonly before: string | null;
  readonly watermark: string | null;
  readonly cursor: string;
}

export class Checkpoints {
  readonly #directory: string;
  readonly #path: string;
  /** What all files had at the start. */
  readonly #found: ReadonlyMap<string, Mark>;
  /** Of the queries of this worker. */
  readonly #marks = new Map<string, Mark>();
  #dirty = false;
  /** Saves put off since a watermark moved; null = none has. */
  #putOff: number | null = null;
  #saving: Promise<void> | null = null;

  private constructor(directory: string, worker: number, found: ReadonlyMap<string, Mark>) {
    this.#directory = directory;
    this.#path = join(directory, `worker-${worker}`);
    this.#found = found;
  }

  /** `unreadable`: a file that is passed over. */
  static async open(
    directory: string,
    worker: number,
    unreadable: (path: string, error: Error) => void,
  ): Promise<Checkpoints> {
    const names = await readdir(directory).catch(() => [] as string[]);
    const marks = new Map<string, Mark>();
    for (const name of names.filter((one) => /^worker-\d+$/.test(one))) {
      const path = join(directory, name);
      try {
        for (const { query, before, watermark, cursor } of readMarks(await readFile(path, 'utf8'))) {
          const key = JSON.stringify(query);
          const mark = { before: toBigInt(before), watermark: toBigInt(watermark), cursor };
          const held = marks.get(key);
          if (held === undefined || isFurther(mark, held)) marks.set(key, mark);
        }
      } catch (error) {
        unreadable(path, error as Error);
      }
    }
    return new Checkpoints(directory, worker, marks);
  }

  /** From here on the query is this worker's. */
  of(query: Named): Mark {
    const key = keyOf(query);
    const mark = this.#marks.get(key) ?? this.#found.get(key) ?? NO_MARK;
    this.#marks.set(key, mark);
    return mark;
  }

  /** Is on the disk after the next `save`; a watermark that moves alone after some more. */
  set(query: Named, mark: Mark): void {
    const { before, watermark, cursor } = this.of(query);
    this.#marks.set(keyOf(query), mark);
    if (before !== mark.before || cursor !== mark.cursor) this.#dirty = true;
    else if (watermark !== mark.watermark) this.#putOff ??= 0;
  }

  forget(query: Named): void {
    if (this.#marks.delete(keyOf(query))) this.#dirty = true;
  }

  /** Resolves when what was set before the call is on the disk. */
  async save(): Promise<void> {
    while (this.#saving !== null) await this.#saving;
    if (this.#putOff !== null && ++this.#putOff >= WATERMARK_SAVES) this.#dirty = true;
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#putOff = null;
    this.#saving = this.#write()
      .catch((error: Error) => {
        this.#dirty = true;
        throw error;
      })
      .finally(() => {
        this.#saving = null;
      });
    await this.#saving;
  }

  // private functions

  async #write(): Promise<void> {
    const marks = [...this.#marks].map(([key, { before, watermark, cursor }]): SavedMark => {
      return { query: JSON.parse(key), before: toText(before), watermark: toText(watermark), cursor };
    });
    await mkdir(this.#directory, { recursive: true });
    const file = await open(`${this.#path}.new`, 'w');
    try {
      await file.writeFile(`${JSON.stringify({ format: FORMAT, marks })}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.new`, this.#path);
  }
}

// private functions

function keyOf({ database, name, created }: Named): string {
  return JSON.stringify([database, name, created]);
}

function readMarks(text: string): readonly SavedMark[] {
  const { format, marks } = JSON.parse(text) as { format: number; marks: readonly SavedMark[] };
  if (format !== FORMAT) throw new Error(`checkpoints of format ${format}: expected ${FORMAT}`);
  return marks;
}

function isFurther(one: Mark, other: Mark): boolean {
  return (one.before ?? one.watermark ?? TIME_MIN) > (other.before ?? other.watermark ?? TIME_MIN);
}

function toBigInt(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}

function toText(value: bigint | null): string | null {
  return value === null ? null : String(value);
}
