/** What every thread knows of every shard: values that tags have, versions of schemas, and where a query begins by them. */
import { expect } from 'chai';
import type { TagValue } from '../../../../server/queries/index.ts';
import { likelyWorker } from '../../../../server/workers/query-route.ts';
import { SharedDirectory } from '../../../../server/workers/shard-directory.ts';
import { Head } from '../../../../storage/index.ts';
import { batchOf } from '../../storage/points.ts';

describe('directory of shards', () => {
  it('knows the values of each shard, seen through any view of its memory', () => {
    const directory = SharedDirectory.make(2);
    const other = new SharedDirectory(directory.memory, 2);
    tell(directory, 0, 'host', 'a');
    tell(directory, 1, 'host', 'straße,=');
    directory.setVersion(1, 7);
    expect([0, 1].map((shard) => other.mayHold(shard, named('host', 'a')))).to.deep.equal([true, false]);
    expect([0, 1].map((shard) => other.mayHold(shard, named('host', 'straße,=')))).to.deep.equal([false, true]);
    expect(other.mayHold(0, named('hos', 'ta')), 'texts side by side').to.equal(false);
    expect(other.mayHold(0, { ...named('host', 'a'), database: 'e' })).to.equal(false);
    expect(other.mayHold(0, { ...named('host', 'a'), measurement: 'n' })).to.equal(false);
    expect([other.version(0), other.version(1)]).to.deep.equal([0, 7]);
  });

  it('holds all of a twenty thousand values, and few that are not there', () => {
    const directory = SharedDirectory.make(1);
    for (let i = 0; i < 20_000; i++) tell(directory, 0, 'id', `user-${i}`);
    let strays = 0;
    for (let i = 0; i < 20_000; i++) {
      if (!directory.mayHold(0, named('id', `user-${i}`))) expect.fail(`user-${i} is not found`);
      if (directory.mayHold(0, named('id', `user-${i + 20_000}`))) strays++;
    }
    expect(strays).to.be.below(200);
  });

  it('hears of each value that a head meets, unescaped, also of a measurement that was dropped and is back', () => {
    const directory = SharedDirectory.make(1);
    const head = new Head(directory.listener(0));
    const name = { database: 'd', retentionPolicy: 'autogen', measurement: 'm' };
    const point = { time: 1n, fields: { v: { type: 'float' as const, value: 1 } } };
    const apply = (key: string) => head.apply(batchOf([{ key, ...point }], 'm', 'd').batch);
    apply('host=a\\ b,rack=1');
    expect(directory.mayHold(0, named('host', 'a b'))).to.equal(true);
    expect(directory.mayHold(0, named('rack', '1'))).to.equal(true);
    expect(directory.mayHold(0, named('rack', '2'))).to.equal(false);
    head.drop({ ...name, retentionPolicy: null });
    apply('rack=2');
    expect(directory.mayHold(0, named('rack', '2'))).to.equal(true);
  });

  describe('where a query begins', () => {
    const directory = SharedDirectory.make(3);
    const owners = [0, 1, 1];
    const likely = (text: string): number | null => likelyWorker(text, 'd', { owners, directory });
    before(() => {
      tell(directory, 0, 'host', 'a');
      tell(directory, 1, 'host', 'b');
      tell(directory, 2, 'host', 'c');
      for (const shard of [0, 1, 2]) tell(directory, shard, 'os', 'linux');
    });

    for (const [text, worker] of [
      ["SELECT v FROM m WHERE host = 'a' AND time > '2026-01-01T00:00:00Z'", 0],
      ['select v from "m" where "host"=\'b\'', 1],
      ["SELECT v FROM m WHERE os = 'linux' AND host = 'c'", 1],
      ["SELECT v FROM m WHERE host = 'b' OR host = 'c' OR host = 'a'", 1],
      ["SELECT v FROM m WHERE host = 'a' OR host = 'b'", null],
      ["SELECT v FROM m WHERE host = 'x'", null],
      ["SELECT v FROM n WHERE host = 'a'", null],
      ["SELECT v FROM e..m WHERE host = 'a'", null],
      ['SHOW DATABASES', null],
      [`SELECT v FROM m WHERE host = 'a' OR host = '${'x'.repeat(5_000)}'`, null],
    ] as const) {
      it(`${text.slice(0, 80)} → ${worker ?? 'anywhere'}`, () => expect(likely(text)).to.equal(worker));
    }
  });
});

function named(tag: string, value: string): TagValue {
  return { database: 'd', measurement: 'm', tag, value };
}

function tell(directory: SharedDirectory, shard: number, tag: string, value: string): void {
  const bytes = new TextEncoder().encode(value);
  directory.listener(shard)({ database: 'd', retentionPolicy: 'autogen', measurement: 'm' }, tag)(
    bytes,
    0,
    bytes.length,
  );
}
