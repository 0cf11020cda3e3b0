/**
 * Cursor: where a subscriber of a live query stands, as a token that it hands back after a lost connection. Two ways lead on from it:
 * the recent frames of the same operator (life, frame), exactly and at once; else the stream behind the positions, with the
 * watermark and revision that the client had been told. base64url of `life.frame;watermark;rev;positions`.
 */
import { randomUUID } from 'node:crypto';
import { decodePosition, encodePosition, type PositionVector } from '../../model/index.ts';

export interface Cursor {
  /** Names one run of an operator in one process. */
  readonly life: string;
  /** Number of the last frame seen, from 1. */
  readonly frame: number;
  readonly watermark: bigint | null;
  readonly rev: number;
  readonly positions: PositionVector;
}

/** Longer than any token of ours (`TOKEN_LENGTH_MAX` of positions in base64 once more). */
const CURSOR_LENGTH_MAX = 16_000;

/** A name for one run of an operator that no other run has, in this process or after it. */
export function newLife(): string {
  return randomUUID();
}

export function encodeCursor({ life, frame, watermark, rev, positions }: Cursor): string {
  const text = `${life}.${frame};${watermark ?? ''};${rev};${encodePosition(positions)}`;
  // all of it is ASCII
  return Buffer.from(text, 'latin1').toString('base64url');
}

/** null where the text is no cursor. */
export function decodeCursor(text: string): Cursor | null {
  if (text.length > CURSOR_LENGTH_MAX) return null;
  const m = /^([0-9a-z-]{1,64})\.(\d{1,15});(-?\d{1,19})?;(-?\d{1,15});([\w-]+)$/.exec(
    Buffer.from(text, 'base64url').toString('latin1'),
  );
  if (m === null) return null;
  const positions = decodePosition(m[5]);
  if (positions === null) return null;
  return {
    life: m[1],
    frame: Number(m[2]),
    watermark: m[3] === undefined ? null : BigInt(m[3]),
    rev: Number(m[4]),
    positions,
  };
}
