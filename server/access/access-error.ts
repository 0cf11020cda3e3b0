/** Why somebody may not: the texts are InfluxDB's. */

/** `unauthorized`: nobody knows who it is. `forbidden`: it is known, and may not. `busy`: ask again later. */
export type AccessErrorCode = 'unauthorized' | 'forbidden' | 'busy';

export class AccessError extends Error {
  readonly code: AccessErrorCode;
  constructor(code: AccessErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
