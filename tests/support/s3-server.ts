/**
 * An S3 server for tests, on a free port of 127.0.0.1: path-style, one bucket, in memory. It checks each request's signature (SigV4) and
 * body hash by the protocol's text, not by the client's code, and speaks conditional put, ranges, multipart uploads, list v2 with
 * continuation, and faults on demand. Built on node:http alone.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const KEYS = { accessKeyId: 'AKTEST', secretAccessKey: 'secret/of+the=tests' } as const;
export const BUCKET = 'cold';
export const REGION = 'test-1';

/** What happens to a request instead of, or on the way to, its answer. */
export type S3Fault =
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** Answered after this time. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Half of the answer's body, then the connection is cut; a request without one is done and cut before its answer. */
  | { readonly kind: 'cut' }
  /** The ETag told is not the object's. */
  | { readonly kind: 'etag' }
  /** Not there, though it is. */
  | { readonly kind: 'missing' }
  /** One byte of the answer is another. */
  | { readonly kind: 'flip' };

export interface S3Request {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  /** [first, last] byte asked for. */
  readonly range: readonly [number, number] | null;
}

export interface S3Server {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  readonly objects: Map<string, Buffer>;
  /** Unfinished. */
  readonly uploads: Map<string, { readonly key: string; readonly parts: Map<number, Buffer> }>;
  /** All that came with a good signature. */
  readonly requests: S3Request[];
  /** Asked of each request; null = no fault. */
  fault: (request: S3Request) => S3Fault | null;
  /** Of a list's answer. */
  pageSize: number;
  /** `--tier` of a server, and its environment. */
  url(prefix: string, deadlineMs?: number): string;
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startS3(): Promise<S3Server> {
  const state: State = {
    objects: new Map(),
    uploads: new Map(),
    requests: [],
    fault: () => null,
    pageSize: 1000,
    nextUpload: 1,
  };
  const server = createServer((request, response) => {
    void answer(state, request, response).catch((error) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    endpoint,
    url: (prefix: string, deadlineMs = 10_000) =>
      `s3://${BUCKET}/${prefix}?endpoint=${endpoint}&region=${REGION}&deadline-ms=${deadlineMs}`,
    environment: { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

// private functions

type State = Omit<S3Server, 'endpoint' | 'url' | 'environment' | 'close'> & { nextUpload: number };
type Reply = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: Buffer | string };

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const url = new URL(request.url!, 'http://host');
  const wrong = signatureFault(request, url, body);
  if (wrong !== null) return send(response, failure(403, wrong));
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const asked: S3Request = {
    method: request.method!,
    key: decodeURIComponent(url.pathname).slice(BUCKET.length + 2),
    query: url.searchParams,
    range: range === null ? null : [Number(range[1]), Number(range[2])],
  };
  state.requests.push(asked);
  const fault = state.fault(asked);
  if (fault?.kind === 'status') return send(response, failure(fault.status, fault.code));
  if (fault?.kind === 'missing') return send(response, failure(404, 'NoSuchKey'));
  if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
  const reply = act(state, asked, request, body);
  if (fault?.kind === 'cut') return cut(response, reply);
  if (fault?.kind === 'etag') return send(response, { ...reply, headers: { ...reply.headers, etag: '"wrong"' } });
  if (fault?.kind === 'flip' && Buffer.isBuffer(reply.body) && reply.body.length > 0) {
    const flipped = Buffer.from(reply.body);
    flipped[flipped.length >> 1] ^= 1;
    return send(response, { ...reply, body: flipped });
  }
  send(response, reply);
}

function act(state: State, { method, key, query, range }: S3Request, request: IncomingMessage, body: Buffer): Reply {
  if (key === '') return query.has('uploads') ? listUploads(state, query) : list(state, query);
  const uploadId = query.get('uploadId');
  const mustBeNew = request.headers['if-none-match'] === '*';
  if (method === 'POST' && query.has('uploads')) {
    const id = `upload-${state.nextUpload++}`;
    state.uploads.set(id, { key, parts: new Map() });
    return {
      status: 200,
      body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    };
  }
  if (uploadId !== null) {
    const upload = state.uploads.get(uploadId);
    if (upload === undefined) return failure(404, 'NoSuchUpload');
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: etagOf(body) } };
    }
    if (method === 'POST') return finish(state, uploadId, upload, body.toString(), mustBeNew);
    state.uploads.delete(uploadId);
    return { status: 204 };
  }
  if (method === 'PUT') {
    if (mustBeNew && state.objects.has(key)) return failure(412, 'PreconditionFailed');
    state.objects.set(key, body);
    return { status: 200, headers: { etag: etagOf(body) } };
  }
  if (method === 'DELETE') {
    state.objects.delete(key);
    return { status: 204 };
  }
  const bytes = state.objects.get(key);
  if (bytes === undefined) return failure(404, 'NoSuchKey');
  if (method === 'HEAD')
    return { status: 200, headers: { 'content-length': String(bytes.length), etag: etagOf(bytes) } };
  if (range === null) return { status: 200, body: bytes, headers: { etag: etagOf(bytes) } };
  const [first, last] = range;
  if (first >= bytes.length) return failure(416, 'InvalidRange');
  return { status: 206, body: bytes.subarray(first, last + 1), headers: { etag: etagOf(bytes) } };
}

function finish(
  state: State,
  uploadId: string,
  { key, parts }: { readonly key: string; readonly parts: Map<number, Buffer> },
  xml: string,
  mustBeNew: boolean,
): Reply {
  if (mustBeNew && state.objects.has(key)) return failure(412, 'PreconditionFailed');
  const named = [...xml.matchAll(/<Part><PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag><\/Part>/g)];
  const pieces: Buffer[] = [];
  for (const [, number, etag] of named) {
    const part = parts.get(Number(number));
    if (part === undefined || etagOf(part) !== etag) return failure(400, 'InvalidPart');
    pieces.push(part);
  }
  state.objects.set(key, Buffer.concat(pieces));
  state.uploads.delete(uploadId);
  return { status: 200, body: '<CompleteMultipartUploadResult/>' };
}

function list({ objects, pageSize }: State, query: URLSearchParams): Reply {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? '';
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, pageSize);
  const items = page.map((key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)!.length}</Size></Contents>`);
  const more = keys.length > page.length;
  const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
  const body = `<ListBucketResult>${items.join('')}<IsTruncated>${more}</IsTruncated>${next}</ListBucketResult>`;
  return { status: 200, body };
}

function listUploads({ uploads }: State, query: URLSearchParams): Reply {
  const prefix = query.get('prefix') ?? '';
  const items = [...uploads].filter(([, { key }]) => key.startsWith(prefix));
  const texts = items.map(([id, { key }]) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`);
  return { status: 200, body: `<ListMultipartUploadsResult>${texts.join('')}</ListMultipartUploadsResult>` };
}

function failure(status: number, code: string): Reply {
  return { status, body: `<Error><Code>${code}</Code></Error>` };
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, {
    ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...headers,
  });
  response.end(body);
}

function cut(response: ServerResponse, { status, headers, body }: Reply): void {
  if (body === undefined) {
    response.destroy();
    return;
  }
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
}

/** Quoted MD5, in XML as on the wire. */
function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

/** null = the request is signed as the protocol says. */
function signatureFault(request: IncomingMessage, url: URL, body: Buffer): string | null {
  const { headers } = request;
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/;
  const parts = pattern.exec(headers.authorization ?? '');
  if (parts === null) return 'AccessDenied';
  const [, accessKeyId, day, region, signed, signature] = parts;
  if (accessKeyId !== KEYS.accessKeyId || region !== REGION) return 'InvalidAccessKeyId';
  const hash = createHash('sha256').update(body).digest('hex');
  if (headers['x-amz-content-sha256'] !== hash) return 'XAmzContentSHA256Mismatch';
  const names = signed.split(';');
  if (!names.includes('host') || !names.includes('x-amz-content-sha256')) return 'AccessDenied';
  const pairs = [...url.searchParams].map(([key, value]) => `${encode(key)}=${encode(value)}`).sort();
  const canonical = [
    request.method,
    url.pathname,
    pairs.join('&'),
    ...names.map((name) => `${name}:${String(headers[name] ?? '').trim()}`),
    '',
    signed,
    hash,
  ].join('\n');
  const stamp = String(headers['x-amz-date']);
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', stamp, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  let key: Buffer = Buffer.from(`AWS4${KEYS.secretAccessKey}`);
  for (const step of [day, region, 's3', 'aws4_request', text]) key = createHmac('sha256', key).update(step).digest();
  return stamp.startsWith(day) && key.toString('hex') === signature ? null : 'SignatureDoesNotMatch';
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
