/**
 * A segment as the log knows it in memory: where it lies, which sequences it holds, and a sparse index from sequence to offset, so
 * that a reader who starts in the middle reads at most INDEX_BYTES in vain. Says nothing of what is on disk; the log does.
 */
import { SEGMENT_HEADER_BYTES } from './record.ts';

/** An index entry per this many bytes: 16 bytes of memory each. */
const INDEX_BYTES = 256 * 1024;

export class Segment {
  readonly path: string;
  readonly base: number;
  /** Durable length of the file. */
  bytes = SEGMENT_HEADER_BYTES;
  /** Sequence behind the last durable record. */
  next: number;
  readonly #sequences: number[] = [];
  readonly #offsets: number[] = [];

  constructor(path: string, base: number) {
    this.path = path;
    this.base = base;
    this.next = base;
  }

  /** Tells of a record; most are forgotten at once. */
  note(sequence: number, offset: number): void {
    if (offset - (this.#offsets.at(-1) ?? SEGMENT_HEADER_BYTES) < INDEX_BYTES) return;
    this.#sequences.push(sequence);
    this.#offsets.push(offset);
  }

  /** A known record at or before `sequence`. */
  seek(sequence: number): { sequence: number; offset: number } {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sequences[middle] <= sequence) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return { sequence: this.base, offset: SEGMENT_HEADER_BYTES };
    return { sequence: this.#sequences[low - 1], offset: this.#offsets[low - 1] };
  }
}
