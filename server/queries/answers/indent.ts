/** Compact JSON, fed in any cuts, to Go's indented form: four spaces, a line per member, empty arrays and objects closed up. */

export class Indenter {
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** An opening bracket was written and nothing after it yet. */
  #opened = false;

  feed(text: string): string {
    let out = '';
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (this.#inText) {
        out += c;
        if (this.#escaped) this.#escaped = false;
        else if (c === '\\') this.#escaped = true;
        else if (c === '"') this.#inText = false;
        continue;
      }
      if (c === '}' || c === ']') {
        this.#depth--;
        if (!this.#opened) out += this.#newLine();
        this.#opened = false;
        out += c;
        continue;
      }
      if (this.#opened) {
        out += this.#newLine();
        this.#opened = false;
      }
      out += c;
      if (c === '"') this.#inText = true;
      else if (c === '{' || c === '[') {
        this.#depth++;
        this.#opened = true;
      } else if (c === ',') out += this.#newLine();
      else if (c === ':') out += ' ';
    }
    return out;
  }

  // private functions

  #newLine(): string {
    return `\n${'    '.repeat(this.#depth)}`;
  }
}
