/** The bad lines of one body: all counted, the first ones listed with their line and a bounded quote. */
import type { LineError } from './decoded.ts';
import type { IngestLimits } from './limits.ts';

const decoder = new TextDecoder();

export class LineErrors {
  readonly listed: LineError[] = [];
  unparsedCount = 0;
  refusedCount = 0;
  readonly #limits: IngestLimits;

  constructor(limits: IngestLimits) {
    this.#limits = limits;
  }

  /** Not line protocol. */
  unparsed(line: number, text: Uint8Array, problem: string): void {
    this.unparsedCount++;
    this.#list(line, 'unparsed', () => `unable to parse '${this.#quote(text)}': ${problem}`);
  }

  /** A well-formed point that cannot be kept. */
  refused(line: number, message: string): void {
    this.refusedCount++;
    this.#list(line, 'refused', () => message);
  }

  // private functions

  #list(line: number, kind: LineError['kind'], message: () => string): void {
    if (this.listed.length < this.#limits.errorsListedMax) this.listed.push({ line, kind, message: message() });
  }

  #quote(text: Uint8Array): string {
    const { errorQuoteBytesMax } = this.#limits;
    const cut = text.length > errorQuoteBytesMax;
    return decoder.decode(cut ? text.subarray(0, errorQuoteBytesMax) : text) + (cut ? '…' : '');
  }
}
