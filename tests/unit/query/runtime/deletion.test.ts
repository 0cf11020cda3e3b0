/** Deletions as text: what goes into the stream, and what a shard makes of it. */
import { expect } from 'chai';
import {
  type DeletionStatement,
  deletedRows,
  deletionNames,
  deletionText,
  namesSeries,
  parse,
} from '../../../../query/index.ts';

const NOW = 1_700_000_000_000_000_000n;
const SERIES = [{ host: 'a' }, { host: 'b', dc: 'x' }, { dc: 'y' }] as readonly Readonly<Record<string, string>>[];

describe('deletions', () => {
  it('stand in the stream without now(), and mean the same there', () => {
    expect(textOf('delete from cpu')).to.equal('DELETE FROM cpu');
    expect(textOf("DELETE WHERE host = 'a' OR dc = 'x' AND time < now() - 1s")).to.equal(
      "DELETE WHERE (host = 'a' OR dc = 'x') AND time <= 1699999998999999999",
    );
    for (const text of [
      "DELETE FROM cpu, /m.*/ WHERE time > '1950-01-01' AND time < 5",
      'DROP SERIES FROM cpu WHERE host !~ /a/ AND "time zone" = \'x\'',
      'DELETE FROM cpu WHERE time = -5',
    ]) {
      expect(textOf(textOf(text)), text).to.equal(textOf(text));
    }
  });

  it('name series by what tags decide, and refuse what fields would', () => {
    expect(seriesOf("DELETE FROM cpu WHERE host = 'a'")).to.deep.equal([1, 0, 0]);
    expect(seriesOf("DELETE FROM cpu WHERE host = '' OR dc = 'x'")).to.deep.equal([0, 1, 1]);
    expect(seriesOf("DELETE FROM cpu WHERE host != 'a' AND dc =~ /x|y/ AND time > 0")).to.deep.equal([0, 1, 1]);
    expect(seriesOf("DELETE FROM cpu WHERE host = 'nobody' AND v = 1")).to.equal('nothing');
    expect(seriesOf("DELETE FROM cpu WHERE host != 'nobody' OR v = 1")).to.deep.equal([1, 1, 1]);
    expect(seriesOf('DELETE FROM cpu')).to.equal('all');
    expect(seriesOf('DELETE FROM cpu WHERE time > 5 AND time < 5')).to.equal('nothing');
    const refused = 'fields not supported in WHERE clause during deletion';
    for (const condition of [
      'v > 1',
      "host = 'a' AND v = 1",
      "v = 'x'",
      'host = 1',
      "host::field = 'a'",
      'v + 1 = 2',
    ]) {
      expect(() => seriesOf(`DELETE FROM cpu WHERE ${condition}`), condition).to.throw(refused);
      expect(seriesOf(`DELETE FROM cpu WHERE ${condition}`, true), condition).to.equal('nothing');
    }
    expect(() => textOf('DELETE FROM cpu WHERE host')).to.throw('invalid condition expression: host');
    expect(() => textOf('DROP SERIES FROM cpu WHERE time > 1')).to.throw("DROP SERIES doesn't support time in WHERE");
  });

  it('know which measurements they may be about', () => {
    expect(deletionNames('DELETE FROM cpu', ['mem', 'cpu'])).to.equal(true);
    expect(deletionNames('DELETE FROM /c.*/', ['mem'])).to.equal(false);
    expect(deletionNames("DELETE WHERE a = 'b'", ['mem'])).to.equal(true);
  });
});

// private functions

function textOf(text: string): string {
  return deletionText(parse(text)[0] as DeletionStatement, NOW);
}

function seriesOf(text: string, lenient = false): number[] | 'all' | 'nothing' {
  const table = {
    size: SERIES.length,
    key: (series: number) => JSON.stringify(SERIES[series]),
    tag: (series: number, key: string) => SERIES[series][key] ?? '',
    tagKeys: () => ['dc', 'host'],
  };
  const schema = { name: 'cpu', fields: new Map([['v', 'float'] as const]), tagKeys: ['dc', 'host'] };
  const source = {
    policies: () => ['autogen'],
    describe: (_database: string, _policy: string, wanted: (name: string) => boolean) =>
      wanted('cpu') ? [schema] : [],
    series: () => table,
  };
  const [found] = deletedRows(textOf(text), 'db', source, lenient);
  if (found === undefined || !namesSeries(found)) return 'nothing';
  return found.series === null ? 'all' : [...found.series];
}
