/**
 * Replay: what a shard's stream holds from a position up to what its store has applied, as inputs for a live operator. It reads the
 * stream as one more consumer while the shard goes on; `caughtUp` runs in the very turn in which the last applied message has been
 * read, so an operator that takes part from then on misses nothing and sees nothing twice.
 *
 *     stream   … 41 42 43 44 45 | 46 …
 *                      ▲ from    ▲ applied, at the turn of caughtUp(inputs of 43, 44, 45)
 */
import { type Block, type Compression, readBatches, readControl, readEnvelopeHeader } from '../../model/index.ts';
import { type DeletedRows, deletedRows, deletionNames, type LiveInput, namesSeries } from '../../query/index.ts';
import type { ShardStore } from '../../storage/index.ts';
import type { Broker, Consumer } from '../pubsub/index.ts';

/** Of messages read for one replay; beyond it a client starts from a new snapshot instead: that is cheaper for both. */
const REPLAY_BYTES_MAX = 64 * 1024 * 1024;
const UNACKED_MAX = 64;

export interface ReplayOptions {
  readonly broker: Broker;
  readonly shard: number;
  readonly store: ShardStore;
  readonly database: string;
  readonly compression: Compression;
  /** Where rows of these measurements may have been deleted, what was missed is not only rows: that fails. null = it may. */
  readonly deletesOf: readonly string[] | null;
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
        if (!take(payload, inputs, options)) end(() => failed('rows were deleted since'));
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

/** False: rows were deleted, and what was missed is asked for. Else deleted rows are taken out of what came before. */
function take(payload: Uint8Array, inputs: LiveInput[], options: ReplayOptions): boolean {
  if (readEnvelopeHeader(payload).kind !== 'control') {
    inputs.push(...inputsOf(payload, options));
    return true;
  }
  const { database, store, deletesOf } = options;
  const entry = readControl(payload);
  if ((entry.type !== 'delete' && entry.type !== 'drop measurement') || entry.database !== database) return true;
  if (entry.type === 'drop measurement') {
    if (deletesOf !== null) return !deletesOf.includes(entry.measurement);
    for (let i = inputs.length - 1; i >= 0; i--) if (inputs[i].measurement === entry.measurement) inputs.splice(i, 1);
    return true;
  }
  if (deletesOf !== null) return !deletionNames(entry.statement, deletesOf);
  for (const deleted of deletedRows(entry.statement, database, store, true).filter(namesSeries)) {
    inputs.forEach((input, i) => {
      if (input.measurement === deleted.measurement && input.retentionPolicy === deleted.retentionPolicy) {
        inputs[i] = { ...input, block: blockWithout(input.block, deleted) };
      }
    });
  }
  return true;
}

function blockWithout(block: Block, { minTime, maxTime, series }: DeletedRows): Block {
  const [low, high] = [Number(minTime - block.base), Number(maxTime - block.base)];
  const rows = block.selection ?? Uint32Array.from({ length: block.rows }, (_, row) => row);
  const isLeft = (row: number): boolean =>
    block.offsets[row] < low || block.offsets[row] > high || (series !== null && series[block.series[row]] !== 1);
  return { ...block, selection: rows.filter(isLeft), runs: undefined };
}

function inputsOf(payload: Uint8Array, { store, database, compression }: ReplayOptions): LiveInput[] {
  return readBatches(payload, { compression })
    .filter((batch) => batch.database === database)
    .flatMap((batch) => {
      const block = store.view(batch);
      return block === null ? [] : [{ ...nameOf(batch), block, late: null }];
    });
}

function nameOf({ database, retentionPolicy, measurement }: LiveInput | ReturnType<typeof readBatches>[number]) {
  return { database, retentionPolicy, measurement };
}
