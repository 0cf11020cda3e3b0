/**
 * Objects in a bucket of the S3 protocol: path-style, requests signed with the hash of their body (so what arrives is what was sent),
 * large objects in parts. A name is taken with `If-None-Match: *`; services that do not know it overwrite, which does no harm to
 * names with one writer.
 *
 * A request whose answer was lost is made again: a put may then find that its own object `exists`, which is the caller's to judge;
 * finishing an upload in parts that has been finished is found out by looking.
 */
import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import { type ObjectInfo, type ObjectSource, type ObjectStore, StorageError } from '../../storage/index.ts';
import { Passing, type Patience, patiently } from './patience.ts';

/** Larger objects go up in parts: what is sent again after a cut, and held in memory. Services ask for 5 MiB at least. */
export const PART_BYTES = 8 * 1024 * 1024;
/** Reading: an object just put may not be everywhere yet. No longer than this. */
const NOT_FOUND_MS_MAX = 2_000;

export interface S3Options {
  /** `https://host[:port]` */
  readonly endpoint: string;
  readonly bucket: string;
  /** Put in front of all names; empty, or ends with `/`. */
  readonly prefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly patience: Patience;
  /** Default PART_BYTES. */
  readonly partBytes?: number;
  /** Told of each request that was answered. */
  readonly requested?: (method: string) => void;
}

export class S3Objects implements ObjectStore {
  readonly #options: S3Options;
  readonly #client: AwsClient;
  readonly #partBytes: number;

  constructor(options: S3Options) {
    const { accessKeyId, secretAccessKey, sessionToken, region, partBytes = PART_BYTES } = options;
    this.#options = options;
    this.#client = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, service: 's3', region, retries: 0 });
    this.#partBytes = partBytes;
  }

  async put(name: string, source: ObjectSource): Promise<void> {
    if (source.bytes > this.#partBytes) return this.#putParts(name, source);
    const body = await readPart(name, source, 0, source.bytes);
    await this.#ask('PUT', name, {}, { body, headers: { 'if-none-match': '*' } });
  }

  async read(name: string, at: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const headers = { range: `bytes=${at}-${at + length - 1}` };
    const { bytes } = await this.#ask('GET', name, {}, { headers, mayComeLate: true, length });
    return bytes;
  }

  async head(name: string): Promise<ObjectInfo | null> {
    try {
      const { headers } = await this.#ask('HEAD', name, {});
      return { name, bytes: Number(headers.get('content-length')) };
    } catch (error) {
      if (error instanceof StorageError && error.code === 'not found') return null;
      throw error;
    }
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    const own = this.#options.prefix;
    for (let token: string | null = ''; token !== null; ) {
      const query = {
        'list-type': '2',
        prefix: own + prefix,
        ...(token === '' ? {} : { 'continuation-token': token }),
      };
      const { bytes } = await this.#ask('GET', null, query);
      const xml = textOf(bytes);
      for (const item of elements(xml, 'Contents')) {
        yield { name: element(item, 'Key').slice(own.length), bytes: Number(element(item, 'Size')) };
      }
      token = element(xml, 'IsTruncated') === 'true' ? element(xml, 'NextContinuationToken') : null;
    }
  }

  async remove(name: string): Promise<void> {
    await this.#ask('DELETE', name, {});
  }

  async clear(prefix: string): Promise<void> {
    const own = this.#options.prefix;
    const { bytes } = await this.#ask('GET', null, { uploads: '', prefix: own + prefix });
    for (const item of elements(textOf(bytes), 'Upload')) {
      await this.#abort(element(item, 'Key').slice(own.length), element(item, 'UploadId'));
    }
  }

  // private functions

  async #putParts(name: string, source: ObjectSource): Promise<void> {
    if ((await this.head(name)) !== null) throw new StorageError('exists', `${name}: is there already`);
    const begun = await this.#ask('POST', name, { uploads: '' });
    const uploadId = element(textOf(begun.bytes), 'UploadId');
    try {
      const parts: string[] = [];
      for (let at = 0; at < source.bytes; at += this.#partBytes) {
        const partNumber = String(parts.length + 1);
        const body = await readPart(name, source, at, Math.min(this.#partBytes, source.bytes - at));
        const { headers } = await this.#ask('PUT', name, { partNumber, uploadId }, { body });
        parts.push(`<Part><PartNumber>${partNumber}</PartNumber><ETag>${headers.get('etag')}</ETag></Part>`);
      }
      await this.#finish(
        name,
        uploadId,
        `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`,
        source,
      );
    } catch (error) {
      await this.#abort(name, uploadId).catch(() => {});
      throw error;
    }
  }

  async #finish(name: string, uploadId: string, parts: string, source: ObjectSource): Promise<void> {
    try {
      const headers = { 'if-none-match': '*' };
      const { bytes } = await this.#ask('POST', name, { uploadId }, { body: new TextEncoder().encode(parts), headers });
      // the status comes before the work is done, so an error may be in the body
      const xml = textOf(bytes);
      if (xml.includes('<Error>')) throw new StorageError('failed', `${name}: ${element(xml, 'Code')}`);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'not found')) throw error;
      // no such upload: an earlier attempt whose answer was lost has finished it, or it is gone
      if ((await this.head(name))?.bytes !== source.bytes) throw error;
    }
  }

  async #abort(name: string, uploadId: string): Promise<void> {
    try {
      await this.#ask('DELETE', name, { uploadId });
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'not found')) throw error;
    }
  }

  /** One request, with patience. Rejects with StorageError. */
  async #ask(
    method: string,
    name: string | null,
    query: Record<string, string>,
    request: Request = {},
  ): Promise<Answer> {
    const { endpoint, bucket, prefix, patience, requested } = this.#options;
    const path = name === null ? bucket : `${bucket}/${prefix}${name}`;
    const search = new URLSearchParams(query).toString();
    const url = `${endpoint}/${path}${search === '' ? '' : `?${search}`}`;
    const { body, length } = request;
    const sha256 = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const headers = { ...request.headers, 'x-amz-content-sha256': sha256 };
    const beganMs = performance.now();
    return patiently(`${method} ${endpoint}/${path}`, patience, async (signal) => {
      const response = await this.#client.fetch(url, { method, headers, body, signal });
      const bytes = new Uint8Array(await response.arrayBuffer());
      requested?.(method);
      const mayComeLate = request.mayComeLate === true && performance.now() - beganMs < NOT_FOUND_MS_MAX;
      if (!response.ok) throw refusal(method, path, response, bytes, mayComeLate);
      if (length !== undefined && bytes.length !== length) {
        throw new Passing(`${bytes.length} bytes came where ${length} were asked for`);
      }
      return { headers: response.headers, bytes };
    });
  }
}

// private functions

type Request = {
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Of the answer. */
  readonly length?: number;
  /** Not being there may pass. */
  readonly mayComeLate?: boolean;
};

type Answer = { readonly headers: Headers; readonly bytes: Uint8Array };

async function readPart(
  name: string,
  source: ObjectSource,
  at: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  const n = await source.read(bytes, at);
  if (n < length) throw new StorageError('failed', `${name}: the source ended at byte ${at + n}`);
  return bytes;
}

function refusal(method: string, path: string, response: Response, bytes: Uint8Array, mayComeLate: boolean): Error {
  const { status } = response;
  const text = `${method} ${path}: ${status} ${element(textOf(bytes), 'Code') || response.statusText}`;
  // 409: another request for the same name is under way
  if (status >= 500 || status === 429 || status === 408 || status === 409) return new Passing(text);
  if (status === 404) return mayComeLate ? new Passing(text) : new StorageError('not found', text);
  if (status === 412) return new StorageError('exists', text);
  return new StorageError('failed', text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The contents of all elements of a name; enough for the answers of S3, in which none contains its like. */
function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, content]) => content);
}

function element(xml: string, name: string): string {
  const content = elements(xml, name)[0] ?? '';
  return content.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: keyof typeof ENTITIES) => ENTITIES[entity]);
}

const ENTITIES = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
