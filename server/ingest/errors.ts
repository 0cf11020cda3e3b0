/** What a body as a whole can be refused for. Single bad lines are no errors: they are listed in `Decoded`. */

/** `too large` → 413, `malformed` → 400 (a body that is not the gzip it claims to be). */
export type IngestErrorCode = 'too large' | 'malformed';

export class IngestError extends Error {
  readonly code: IngestErrorCode;
  constructor(code: IngestErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
