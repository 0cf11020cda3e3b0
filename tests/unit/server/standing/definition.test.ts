/** What the texts of InfluxDB mean here: the live query that runs, and the SELECT over history that gives the same rows. */
import { expect } from 'chai';
import { print } from '../../../../query/index.ts';
import { overHistory, storedDefinition } from '../../../../server/standing/definition.ts';

const HEAD = 'CREATE CONTINUOUS QUERY c ON d';
const SELECT = 'SELECT mean(v) INTO d.rp.x FROM d.autogen.m';

describe('definitions of stored queries', () => {
  it('are final rows and their revisions where they say nothing', () => {
    const stored = definition(`${HEAD} BEGIN ${SELECT} GROUP BY time(1m), host END`);
    expect(stored.query).to.equal('SELECT mean(v) FROM d.autogen.m GROUP BY time(1m), host EMIT ON CLOSE, ON LATE');
    expect(stored).to.deep.include({ database: 'd', provisional: false });
    expect(stored.into).to.deep.equal({ database: 'd', retentionPolicy: 'rp', measurement: 'x' });
  });

  it('are rows of open windows too, and a longer lateness, with RESAMPLE', () => {
    const both = definition(`${HEAD} RESAMPLE EVERY 10s FOR 30m BEGIN ${SELECT} GROUP BY time(1m) END`);
    expect(both.query).to.equal(
      'SELECT mean(v) FROM d.autogen.m GROUP BY time(1m) ' +
        'LATENESS 30m UPDATE EMIT EVERY 10s ON CHANGE, ON CLOSE, ON LATE',
    );
    expect(both.provisional).to.equal(true);
    const longer = definition(`${HEAD} RESAMPLE FOR 30m BEGIN ${SELECT} GROUP BY time(1m) END`);
    expect(longer.query).to.include('LATENESS 30m UPDATE EMIT ON CLOSE, ON LATE');
    expect(longer.provisional).to.equal(false);
  });

  it('keep the clauses of the SELECT before those of RESAMPLE', () => {
    const clauses = 'WATERMARK DELAY 5s LATENESS 2h UPDATE EMIT ON CLOSE, ON LATE';
    const stored = definition(`${HEAD} RESAMPLE EVERY 10s FOR 30m BEGIN ${SELECT} GROUP BY time(1m) ${clauses} END`);
    expect(stored.query).to.include(clauses);
    expect(stored.provisional).to.equal(false);
  });

  it('have what they keep at the end of the live query, and not over history', () => {
    const kept = definition(`${HEAD} WITH (retain = 1h, state_ttl = 1d) BEGIN ${SELECT} GROUP BY time(1m) END`);
    expect(kept.query).to.match(/EMIT ON CLOSE, ON LATE WITH \(retain = 1h, state_ttl = 1d\)$/);
    expect(print(overHistory(kept, 60n, 120n))).to.not.include('WITH');
    const own = definition(`${HEAD} WITH (retain = 1h) BEGIN ${SELECT} GROUP BY time(1m) WITH (retain = 2h) END`);
    expect(own.query).to.match(/ON LATE WITH \(retain = 2h\)$/);
  });

  it('are a tail where they copy points', () => {
    const stored = definition(`${HEAD} BEGIN SELECT v INTO d.rp.:MEASUREMENT FROM d.autogen./cpu.*/ GROUP BY * END`);
    expect(stored.query).to.equal('SELECT v FROM d.autogen./cpu.*/ GROUP BY *');
    expect(stored.into.measurement).to.equal(null);
  });

  it('over history have a range, no clauses of live queries, and empty windows only where they are asked for', () => {
    const where = "WHERE host = 'a' OR host = 'b'";
    const plain = definition(`${HEAD} BEGIN ${SELECT} ${where} GROUP BY time(1m) LATENESS 2h DROP END`);
    expect(print(overHistory(plain, 60n, 120n))).to.equal(
      "SELECT mean(v) FROM d.autogen.m WHERE (host = 'a' OR host = 'b') AND (time >= 60 AND time < 120) GROUP BY time(1m) fill(none)",
    );
    const filled = definition(`${HEAD} BEGIN ${SELECT} GROUP BY time(1m) fill(0) END`);
    expect(print(overHistory(filled, 60n, 120n))).to.equal(
      'SELECT mean(v) FROM d.autogen.m WHERE time >= 60 AND time < 120 GROUP BY time(1m) fill(0)',
    );
  });
});

// private functions

function definition(text: string): ReturnType<typeof storedDefinition> {
  return storedDefinition({ text });
}
