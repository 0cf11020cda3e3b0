/**
 * DistinctTexts: which of very many texts have come before. In parts once they are many, as one table of a million texts is built anew
 * in one go whenever it has to grow.
 */

/** Texts that are in one part. */
const ALONE_MAX = 4_096;
const PARTS = 256;
/** Characters that say which part a text is in: what numbers the texts stands mostly at their end. */
const HASHED = 12;

export class DistinctTexts {
  #parts: Set<string>[] = [new Set()];

  /** True: it is new. */
  add(text: string): boolean {
    const part = this.#parts.length === 1 ? this.#parts[0] : this.#parts[partOf(text)];
    const { size } = part;
    if (part.add(text).size === size) return false;
    if (this.#parts.length === 1 && size === ALONE_MAX) this.#divide();
    return true;
  }

  // private functions

  #divide(): void {
    const [all] = this.#parts;
    this.#parts = Array.from({ length: PARTS }, () => new Set());
    for (const text of all) this.#parts[partOf(text)].add(text);
  }
}

// private functions

function partOf(text: string): number {
  let hash = text.length;
  for (let i = Math.max(0, text.length - HASHED); i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash ^ (hash >>> 13)) & (PARTS - 1);
}
