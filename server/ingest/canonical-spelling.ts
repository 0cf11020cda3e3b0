/**
 * Series as most clients spell them: nothing escaped, no tag twice. The canonical spelling (`model/series-key.ts`), tags by the bytes of
 * their names, is then made of the bytes at hand, without a string: a server that has just started, or a million new series, come this way.
 */
const COMMA = 44;
const SPACE = 32;
const EQUALS = 61;
const HASH = 35;
const BACKSLASH = 92;
/** Longer ones, and those with more tags, are read by the book, which knows the limits. */
const SPELLING_BYTES_MAX = 4_096;
const TAGS_MAX = 64;

export class CanonicalSpelling {
  /** The canonical spelling, measurement first, where it is another than the one given. */
  readonly #bytes = new Uint8Array(SPELLING_BYTES_MAX);
  readonly #view = new DataView(this.#bytes.buffer);
  /** Of the tags in order: where their names begin, and where their values end. */
  readonly #from = new Uint16Array(TAGS_MAX);
  readonly #to = new Uint16Array(TAGS_MAX);
  isSorted = true;

  /** Where the measurement of the spelling [from, to) ends; −1 where the book has to be asked. */
  read(body: Uint8Array, from: number, to: number): number {
    if (to - from > SPELLING_BYTES_MAX || body[from] === HASH) return -1;
    let at = from;
    for (; at < to && body[at] !== COMMA; at++) if (isOdd(body[at]) || body[at] === EQUALS) return -1;
    if (at === from) return -1;
    const end = at;
    this.isSorted = true;
    let tags = 0;
    while (at < to) {
      const name = ++at;
      for (; body[at] !== EQUALS; at++) if (at >= to || isOdd(body[at]) || body[at] === COMMA) return -1;
      if (at === name || isTime(body, name, at)) return -1;
      const value = ++at;
      for (; at < to && body[at] !== COMMA; at++) if (isOdd(body[at]) || body[at] === EQUALS) return -1;
      if (at === value || tags === TAGS_MAX || !this.#insert(body, from, tags++, name, at)) return -1;
    }
    if (!this.isSorted) this.#write(body, from, end, tags);
    return end;
  }

  /** Bytes of the canonical spelling, which is as long as the one given; they hold until the next is read. */
  bytes(length: number): Uint8Array {
    return this.#bytes.subarray(0, length);
  }

  get view(): DataView {
    return this.#view;
  }

  // private functions

  /** Among the tags before it, where it stands in order; false: there is one of this name. Offsets are from `base`. */
  #insert(body: Uint8Array, base: number, tags: number, name: number, to: number): boolean {
    let place = tags;
    for (; place > 0; place--) {
      const order = compareNames(body, base + this.#from[place - 1], name);
      if (order === 0) return false;
      if (order < 0) break;
      this.isSorted = false;
      this.#from[place] = this.#from[place - 1];
      this.#to[place] = this.#to[place - 1];
    }
    this.#from[place] = name - base;
    this.#to[place] = to - base;
    return true;
  }

  #write(body: Uint8Array, base: number, nameEnd: number, tags: number): void {
    const bytes = this.#bytes;
    let at = 0;
    for (let i = base; i < nameEnd; i++) bytes[at++] = body[i];
    for (let tag = 0; tag < tags; tag++) {
      bytes[at++] = COMMA;
      for (let i = base + this.#from[tag]; i < base + this.#to[tag]; i++) bytes[at++] = body[i];
    }
  }
}

// private functions

function isOdd(byte: number): boolean {
  return byte <= SPACE || byte === BACKSLASH;
}

function isTime(body: Uint8Array, from: number, to: number): boolean {
  return (
    to - from === 4 && body[from] === 116 && body[from + 1] === 105 && body[from + 2] === 109 && body[from + 3] === 101
  );
}

/** Of two names that end with an equals sign, which no name contains. */
function compareNames(body: Uint8Array, a: number, b: number): number {
  for (; ; a++, b++) {
    const x = body[a];
    const y = body[b];
    if (x !== y) {
      if (x === EQUALS) return -1;
      return y === EQUALS ? 1 : x - y;
    }
    if (x === EQUALS) return 0;
  }
}
