/**
 * Bodies with `Content-Encoding: gzip`, unpacked off this thread and never to more than the limit: a body of kilobytes can
 * unpack to gigabytes.
 */
import { gunzip } from 'node:zlib';
import { IngestError } from './errors.ts';

/** Rejects with IngestError `too large` or `malformed`. The result is a buffer of its own that can be transferred. */
export function gunzipBody(body: Uint8Array, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    gunzip(body, { maxOutputLength: bytesMax }, (error, unpacked) => {
      if (error === null) resolve(ownBuffer(unpacked));
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        reject(new IngestError('too large', `gzip body unpacks to more than ${bytesMax} bytes`, { cause: error }));
      } else reject(new IngestError('malformed', `body is not gzip: ${error.message}`, { cause: error }));
    });
  });
}

// private functions

/** Small buffers of Node share a pool, which must not be transferred. */
function ownBuffer(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return whole ? new Uint8Array(bytes.buffer as ArrayBuffer) : new Uint8Array(bytes);
}
