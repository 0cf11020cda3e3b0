/** Raw rows written as JSON on their shards, beside the same answers made of tables of values. */
import { expect } from 'chai';
import {
  answerOf,
  historicalShard,
  type Limits,
  mergeSchemas,
  NO_LIMITS,
  type Partial,
  type Plan,
  parse,
  planSelect,
  type ResultTable,
  type SelectStatement,
  showsRows,
} from '../../../../query/index.ts';
import { PARTIAL_ROWS_MAX } from '../../../../query/runtime/raw/held-raw-rows.ts';
import { encodeAnswer, jsonRows } from '../../../../server/queries/answers/index.ts';
import { Random, seedOfRun } from '../../../support/random.ts';
import { ArraySource, rowsOf } from '../../query/support/array-source.ts';
import { NOW } from '../../query/support/ask.ts';

const ROUNDS = 80;
/** Rows of one time, of which no piece holds a multiple. */
const SAME_TIME = 10;
/** Rows of a block, and bytes of a part that has a few blocks. */
const BLOCK_ROWS = 40;
const PART_BYTES_FEW = 20_000;

const seed = seedOfRun();

describe(`rows as JSON texts (SEED=${seed})`, () => {
  it('are the bytes that tables of values are', async () => {
    const random = new Random(seed);
    // blocks that come by time end and begin within one time, others come in no order
    const anyhow = [made(random, 'a'), made(random, 'b')];
    const byTime = [made(random, 'a', 'time'), made(random, 'b', 'time')];
    const bySeries = [made(random, 'a', 'series'), made(random, 'b', 'series')];
    let bytes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const sources = random.pick([anyhow, byTime, bySeries, [anyhow[0], byTime[1]], [bySeries[0], byTime[1]]]);
      const names = Array.from({ length: random.between(1, 6) }, () =>
        random.pick(['i', 'j', 'f', 's', 'b', 'w', 'host', 'zone']),
      );
      const text = [
        `SELECT ${random.pick(['*', `${names.join(', ')}, i`])} FROM m`,
        random.pick(['', 'WHERE i > 0', "WHERE host = 'a1' AND time > 5s", 'WHERE time < 60s']),
        random.pick(['', 'GROUP BY host', 'GROUP BY *']),
        random.pick(['', 'ORDER BY time DESC']),
        random.pick(['', '', 'LIMIT 3', 'LIMIT 50 OFFSET 7', 'SLIMIT 1']),
        random.pick(['', "tz('Europe/Berlin')"]),
      ].join(' ');
      const plan = planOf(text, sources);
      if (plan.sources.length === 0) continue;
      expect(showsRows(plan), text).to.equal(true);
      const epoch = random.pick([null, 'ns', 'ms'] as const);
      const expected = await answer(plan, sources, false, epoch);
      for (const limits of [NO_LIMITS, { ...NO_LIMITS, partBytes: PART_BYTES_FEW }]) {
        expect(await answer(plan, sources, true, epoch, limits), text).to.equal(expected);
      }
      bytes += expected.length;
    }
    expect(bytes).to.be.above(ROUNDS * 1_000);
  });

  it('are put in order where blocks and pieces end within one time', async () => {
    const random = new Random(seed);
    // eight of the first blocks are a piece, two of the second end just before one does
    for (const blockRows of [PARTIAL_ROWS_MAX / 8, PARTIAL_ROWS_MAX / 2 - 1]) {
      const hosts = Array.from({ length: SAME_TIME }, (_, host) => ({ host, order: random.between(0, 1_000) }));
      hosts.sort((a, b) => a.order - b.order);
      const lines = Array.from({ length: PARTIAL_ROWS_MAX + 100 }, (_, row) => {
        const { host } = hosts[row % SAME_TIME];
        return `m,host=${host} i=${row}i ${Math.floor(row / SAME_TIME)}`;
      });
      const sources = [new ArraySource(rowsOf(lines.join('\n')), blockRows)];
      for (const text of ['SELECT * FROM m', 'SELECT * FROM m ORDER BY time DESC']) {
        const plan = planOf(text, sources);
        expect(await answer(plan, sources, true, 'ns'), text).to.equal(await answer(plan, sources, false, 'ns'));
      }
    }
  });
});

// private functions

function planOf(text: string, sources: readonly ArraySource[]): Plan {
  const schemas = (...wanted: Parameters<ArraySource['describe']>) =>
    mergeSchemas(sources.map((source) => source.describe(...wanted)));
  const context = { database: 'db', defaultRetentionPolicy: 'autogen', now: NOW, schemas };
  return planSelect(parse(text)[0] as SelectStatement, context);
}

async function answer(
  plan: Plan,
  sources: ArraySource[],
  isText: boolean,
  epoch: 'ns' | 'ms' | null,
  limits: Limits = NO_LIMITS,
): Promise<string> {
  const streams = (leaf: Plan) =>
    sources.map(async function* (source) {
      const writer = isText ? jsonRows(leaf, epoch) : null;
      for await (const partial of historicalShard(leaf, source, () => null, limits, { writer })) {
        yield structuredClone(partial) as Partial;
      }
    });
  const tables: ResultTable[] = [];
  for await (const table of answerOf(plan, streams, () => null, NO_LIMITS)) tables.push(table);
  expect(tables.every(({ texts }) => (texts !== undefined) === isText)).to.equal(true);
  const pieces: Uint8Array[] = [];
  const options = { format: 'json', epoch, pretty: false, chunkRows: 0 } as const;
  for await (const piece of encodeAnswer([{ statement: 0, tables }], options)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/**
 * Rows of all types, some of whose fields are missing; whole numbers of one and of many digits, and texts to escape. In no order, in order
 * of time, or in blocks that follow each other in time, each in order of series.
 */
function made(random: Random, prefix: string, order: 'none' | 'time' | 'series' = 'none'): ArraySource {
  const lines: { readonly time: number; readonly text: string }[] = [];
  for (let row = 0; row < 300; row++) {
    const fields = [
      `i=${random.pick([0, 7, 42, 100, -3, 999, 1000, 20_304, 123456789])}i`,
      `j=${random.between(0, 99)}i`,
    ];
    if (random.between(0, 3) > 0) fields.push(`f=${random.between(-9, 9) / 7}`);
    if (random.between(0, 3) > 0) fields.push(`s="${random.pick(['x', '<y>', 'ü&'])}"`);
    if (random.between(0, 3) > 0) fields.push(`b=${random.pick(['true', 'false'])}`);
    if (random.between(0, 3) > 0) fields.push(`w=${random.pick(['9007199254740993', '5'])}i`);
    const zone = random.between(0, 1) === 0 ? '' : `,zone=<z${random.between(0, 1)}>`;
    const time = random.between(0, 90) * 1_000_000_000 + random.pick([0, 1, 500_000_000]);
    lines.push({ time, text: `m,host=${prefix}${random.between(0, 2)}${zone} ${fields.join(',')} ${time}` });
  }
  if (order !== 'none') lines.sort((a, b) => a.time - b.time);
  const texts = lines.map(({ text }) => text);
  for (let from = 0; order === 'series' && from < texts.length; from += BLOCK_ROWS) {
    texts.splice(from, BLOCK_ROWS, ...texts.slice(from, from + BLOCK_ROWS).sort());
  }
  return new ArraySource(rowsOf(texts.join('\n')), BLOCK_ROWS);
}
