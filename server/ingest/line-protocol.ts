/** Line protocol to columnar batches. */
import type { Decoded, DecodeRequest } from './decoded.ts';
import type { IngestLimits } from './limits.ts';

export interface LineDecoderOptions {
  readonly shards: number;
  readonly limits?: Partial<IngestLimits>;
}

export class LineDecoder {
  constructor(_options: LineDecoderOptions) {}

  /** Throws IngestError `too large`; nothing else: bad lines are listed. */
  decode(_body: Uint8Array, _request: DecodeRequest): Decoded {
    throw new Error('not yet');
  }
}
