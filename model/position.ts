/**
 * Position: how far one has read. In one shard it is a generation (a new one when the stream was rebuilt) and a sequence (the
 * last message read; 0 = nothing yet); over all shards a vector of those, in shard order. Its token is what clients hold:
 * opaque to them, base64url of `generation.sequence` joined by commas.
 */

export interface Position {
  readonly generation: number;
  readonly sequence: number;
}

/** Index = shard. */
export type PositionVector = readonly Position[];

/** A token longer than this cannot be one of ours: 256 shards of 32 characters, in base64. */
const TOKEN_LENGTH_MAX = 11_000;

export const ORIGIN: Position = { generation: 1, sequence: 0 };

export function encodePosition(vector: PositionVector): string {
  const text = vector.map((p) => `${p.generation}.${p.sequence}`).join(',');
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The vector of a token; null where the text is not a token. */
export function decodePosition(token: string): PositionVector | null {
  if (token.length > TOKEN_LENGTH_MAX || !/^[A-Za-z0-9_-]+$/.test(token)) return null;
  let text: string;
  try {
    text = atob(token.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return null;
  }
  if (!/^\d{1,15}\.\d{1,15}(,\d{1,15}\.\d{1,15})*$/.test(text)) return null;
  return text.split(',').map((part) => {
    const [generation, sequence] = part.split('.');
    return { generation: Number(generation), sequence: Number(sequence) };
  });
}
