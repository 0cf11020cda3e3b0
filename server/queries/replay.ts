/**
 * Replay: what a shard's stream holds from a position up to what its store has applied, as inputs for a live operator. It reads the
 * stream as one more consumer while the shard goes on; `caughtUp` runs in the very turn in which the last applied message has been
 * read, so an operator that takes part from then on misses nothing and sees nothing twice.
 *
 *     stream   … 41 42 43 44 45 | 46 …
 *                      ▲ from    ▲ applied, at the turn of caughtUp(inputs of 43, 44, 45)
 */
import { readBatches, readEnvelopeHeader } from '../../model/index.ts';
import type { LiveInput } from '../../query/index.ts';
import type { ShardStore } from '../../storage/index.ts';
import type { Broker, Consumer } from '../pubsub/index.ts';

/** Of messages read for one replay; beyond it a client starts from a new snapshot instead: that is cheaper for both. */
const REPLAY_BYTES_MAX = 256 * 1024 * 1024;
const UNACKED_MAX = 64;

export interface ReplayOptions {
  readonly broker: Broker;
  readonly shard: number;
  readonly store: ShardStore;
  readonly database: string;
  /** First sequence wanted. */
  readonly from: number;
  readonly applied: () => number;
  readonly caughtUp: (inputs: readonly LiveInput[]) => void;
  /** Instead of `caughtUp`: the stream no longer has it, or it is too much. */
  readonly failed: (reason: string) => void;
}

export function replay(options: ReplayOptions): void {
  const { broker, shard, from, applied, caughtUp, failed } = options;
  if (from > applied()) {
    caughtUp([]);
    return;
  }
  const inputs: LiveInput[] = [];
  let bytes = 0;
  let consumer: Consumer | null = null;
  let done = false;
  const end = (then: () => void): void => {
    if (done) return;
    done = true;
    then();
    void consumer?.close();
  };
  broker
    .consume({
      shard,
      from,
      unackedMax: UNACKED_MAX,
      deliver: (delivery) => {
        if (done) return;
        const { sequence, payload } = delivery;
        bytes += payload.byteLength;
        inputs.push(...inputsOf(payload, options));
        delivery.ack();
        if (sequence >= applied()) end(() => caughtUp(inputs));
        else if (bytes > REPLAY_BYTES_MAX) end(() => failed(`more than ${REPLAY_BYTES_MAX} bytes were written since`));
      },
      failed: (error) => end(() => failed(error.message)),
    })
    .then(
      (opened) => {
        consumer = opened;
        if (done) void opened.close();
      },
      (error: Error) => end(() => failed(error.message)),
    );
}

// private functions

function inputsOf(payload: Uint8Array, { store, database }: ReplayOptions): LiveInput[] {
  if (readEnvelopeHeader(payload).kind === 'control') return [];
  return readBatches(payload)
    .filter((batch) => batch.database === database)
    .flatMap((batch) => {
      const block = store.view(batch);
      return block === null ? [] : [{ ...nameOf(batch), block, late: null }];
    });
}

function nameOf({ database, retentionPolicy, measurement }: LiveInput | ReturnType<typeof readBatches>[number]) {
  return { database, retentionPolicy, measurement };
}
