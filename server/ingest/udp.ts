/** The UDP door. */
export type DropReason = 'queue_full' | 'malformed' | 'oversized' | 'kernel' | 'failed';

export interface UdpDoorOptions {
  readonly host: string;
  readonly port: number;
  /** SO_RCVBUF asked for; the kernel may give less. */
  readonly recvBufferBytes?: number;
  /** Bytes waiting while as many bodies as allowed are in flight; datagrams beyond are dropped. */
  readonly queueBytesMax?: number;
  /** A body of whole lines from so many datagrams. Resolves when it is written, with how many of its lines were bad. */
  readonly submit: (lines: Uint8Array<ArrayBuffer>, datagrams: number) => Promise<{ readonly malformed: number }>;
  /** Every datagram received is counted once as received; every one dropped under its reason (`malformed` counts lines). */
  readonly count: (reason: DropReason | 'received', n: number) => void;
}

export interface UdpDoor {
  readonly address: { readonly host: string; readonly port: number };
  /** Sends what waits, then closes. Idempotent. */
  close(): Promise<void>;
}

export async function openUdpDoor(_options: UdpDoorOptions): Promise<UdpDoor> {
  throw new Error('not yet');
}
