/** Which shards a plan is asked of, by what is known of their tags; and that nothing is lost by asking fewer. */
import { expect } from 'chai';
import { parse, planSelect, type SelectStatement } from '../../../../query/index.ts';
import type { ShardDirectory } from '../../../../server/queries/index.ts';
import { shardsAsked } from '../../../../server/queries/shards-asked.ts';

const VERSIONS = [4, 9, 2];
/** By shard: what there is of tags. */
const HOSTS = [['a', 'x'], ['b', 'x'], ['c']];

describe('shards that are asked', () => {
  for (const [condition, asked] of [
    ["host = 'a'", [0]],
    ["'b' = host", [1]],
    ["host = 'x'", [1, 0]],
    ["host = 'a' AND v > 3", [0]],
    ["host = 'a' OR host = 'c'", [2, 0]],
    ["(host = 'a' OR host = 'b') AND os = 'none'", [0]],
    ["host = 'a' AND host = 'b'", [0]],
    ["host = 'nobody'", [0]],
    ["host = ''", [2, 1, 0]],
    ["host != 'a'", [2, 1, 0]],
    ["host = 'a' OR v > 3", [2, 1, 0]],
    ['host =~ /a/', [2, 1, 0]],
    ["text = 'a'", [2, 1, 0]],
    ['v > 3', [2, 1, 0]],
  ] as const) {
    it(`WHERE ${condition}: ${asked.join(', ')}`, () => {
      expect(shardsAsked(planOf(condition), VERSIONS, meshOf(VERSIONS))).to.deep.equal(asked);
    });
  }

  it('refuses a plan over a schema that one of those not asked has no more', () => {
    expect(shardsAsked(planOf("host = 'a'"), VERSIONS, meshOf([4, 10, 2]))).to.equal(null);
    expect(shardsAsked(planOf('v > 3'), VERSIONS, meshOf([4, 10, 2])), 'who is asked says so').to.deep.equal([2, 1, 0]);
  });
});

function meshOf(versions: readonly number[]): { nearLast: readonly number[]; directory: ShardDirectory } {
  return {
    nearLast: [2, 1, 0],
    directory: {
      mayHold: (shard, { database, measurement, tag, value }) =>
        database === 'd' && measurement === 'm' && tag === 'host' && HOSTS[shard].includes(value),
      version: (shard) => versions[shard],
    },
  };
}

function planOf(condition: string) {
  const [statement] = parse(`SELECT v FROM m WHERE ${condition}`);
  const schema = {
    name: 'm',
    fields: new Map([['v', 'float'] as const, ['text', 'string'] as const]),
    tagKeys: ['host', 'os'],
  };
  return planSelect(statement as SelectStatement, {
    database: 'd',
    defaultRetentionPolicy: 'autogen',
    now: 0n,
    schemas: (_database, _policy, wanted) => [schema].filter(({ name }) => wanted(name)),
  });
}
