/**
 * Checks a bucket's blocks while its bytes go by from the first to the last, cut anywhere: for who copies a file and must not copy damage.
 * Holds at most one block.
 */
import type { Checksum } from '../../model/index.ts';
import { corrupt } from './ends.ts';
import type { Place } from './layout.ts';

export class BlockCheck {
  readonly #path: string;
  /** Ascending and apart. */
  readonly #places: readonly Place[];
  readonly #checksum: Checksum;
  /** Of the block that comes to its end next. */
  #next = 0;
  /** In the file, of what comes next. */
  #at = 0;
  /** Bytes of that block, where they come in several pieces. */
  #held = new Uint8Array(0);

  constructor(path: string, places: readonly Place[], checksum: Checksum) {
    this.#path = path;
    this.#places = places;
    this.#checksum = checksum;
  }

  /** Throws StorageError `corrupt` at the end of a block that is not as it was written. */
  passed(piece: Uint8Array): void {
    const from = this.#at;
    this.#at += piece.length;
    for (; this.#next < this.#places.length; this.#next++) {
      const { at, length, checksum } = this.#places[this.#next];
      if (at >= this.#at) return;
      const isHere = at >= from;
      const part = piece.subarray(Math.max(0, at - from), at + length - from);
      if (at + length > this.#at) {
        if (isHere) this.#held = new Uint8Array(length);
        this.#held.set(part, Math.max(0, from - at));
        return;
      }
      if (!isHere) this.#held.set(part, from - at);
      if (this.#checksum(isHere ? part : this.#held) !== checksum) throw corrupt(this.#path, at, 'a block is damaged');
    }
  }
}
