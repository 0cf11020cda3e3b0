/** How a shard's stream is called in NATS, and what its acknowledgement subjects say. Used by the other nats files. */

export interface StreamName {
  readonly stream: string;
  /** Its only subject: a gateway that publishes to an older generation finds nobody there. */
  readonly subject: string;
}

export interface MessageInfo {
  /** Place in the stream. */
  readonly sequence: number;
  /** How many messages this consumer was sent, this one included. */
  readonly consumerSequence: number;
}

export function streamName(shard: number, generation: number): StreamName {
  return { stream: `S_${shard}_${generation}`, subject: `ing.${shard}.${generation}` };
}

/**
 * What the reply subject of a delivered message says; null where it is none.
 *
 *     $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>
 *     $JS.ACK.<domain>.<account>.<stream>. … .<pending>[.<random>]          servers with domains
 */
export function parseAckSubject(reply: string): MessageInfo | null {
  const parts = reply.split('.');
  if (parts[0] !== '$JS' || parts[1] !== 'ACK') return null;
  const at = parts.length === 9 ? 5 : 7;
  const sequence = Number(parts[at]);
  const consumerSequence = Number(parts[at + 1]);
  return sequence > 0 && consumerSequence > 0 ? { sequence, consumerSequence } : null;
}
