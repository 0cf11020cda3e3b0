/** Stored continuous queries on the real server: the statements about them, what they write, and that a kill changes no point of it. */
import { expect } from 'chai';
import { eventually, metric, type Series, series, written } from '../support/api.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const FLAGS = [...QUIET, '--shards', '2', '--workers', '2'];
/** A shard without points holds the others up for so long. */
const IDLE = 'WATERMARK IDLE 200ms';
/** Old enough that no clock closes a window of it at once. */
const T0 = 1_700_000_040_000_000_000n;

describe('stored continuous queries', () => {
  let server: TestServer;
  let flags: string[];

  before(async () => {
    flags = [...FLAGS, '--data-dir', await temporaryDirectory()];
    server = await startServer(flags);
    await query('CREATE DATABASE d');
  });

  after(() => server.stop());

  it('are created, shown, paused, resumed and dropped, with the answers and words of InfluxDB', async () => {
    await query('CREATE DATABASE s');
    const create = 'CREATE CONTINUOUS QUERY c ON s BEGIN SELECT max(v) INTO x FROM m GROUP BY time(1h), host END';
    const named =
      'CREATE CONTINUOUS QUERY c ON s BEGIN SELECT max(v) INTO s.autogen.x FROM s.autogen.m GROUP BY time(1h), host END';
    expect((await shown()).get('s')).to.deep.equal([]);
    await query(create, 's');
    await query(create, 's');
    expect((await shown()).get('s')).to.deep.equal([['c', named, 'running', 0, 0, '']]);
    expect(await refused(create.replace('max', 'min'))).to.equal('continuous query already exists');
    await query(create.replace('max', 'min').replace('CREATE', 'CREATE OR REPLACE'), 's');
    await query('PAUSE CONTINUOUS QUERY c ON s');
    expect((await shown()).get('s')).to.deep.equal([['c', named.replace('max', 'min'), 'paused', 0, 0, '']]);
    await query('RESUME CONTINUOUS QUERY c ON s');
    await eventually(shown, (all) => all.get('s')?.[0][2] === 'running');
    expect(await refused('PAUSE CONTINUOUS QUERY nope ON s')).to.equal('continuous query not found: s.nope');
    await query('DROP CONTINUOUS QUERY c ON s');
    await query('DROP CONTINUOUS QUERY c ON s');
    expect((await shown()).get('s')).to.deep.equal([]);
    expect(await refused(create.replaceAll(' s ', ' nope '))).to.equal('database not found: nope');
    expect(await refused(create.replace('INTO x', 'INTO nope.x'))).to.equal('retention policy not found: nope');
  });

  it('refuse what cannot run', async () => {
    const create = (select: string, clauses = ''): Promise<string> =>
      refused(`CREATE CONTINUOUS QUERY r ON d ${clauses}BEGIN ${select} END`);
    expect(await create('SELECT mean(v) INTO m FROM m GROUP BY time(1m)')).to.include('it would read what it writes');
    expect(await create('SELECT mean(v) INTO :MEASUREMENT FROM m GROUP BY time(1m)')).to.include(
      'it would read what it writes',
    );
    expect(await create('SELECT mean(v) INTO x FROM m GROUP BY time(1m)', 'WITH (retain = 1) ')).to.equal(
      'option "retain" of a live query: expected a duration above zero (1h), found 1',
    );
    expect(await create('SELECT v INTO x FROM m', 'WITH (retain = 1h) ')).to.include('retain keeps windows');
    expect(await create('SELECT mean(v) INTO x FROM m GROUP BY time(1m) ORDER BY time DESC')).to.include('ORDER BY');
  });

  it('write the final row of each window, and again when a late point changes it; what they write feeds others', async () => {
    await query(
      `CREATE CONTINUOUS QUERY means ON d BEGIN SELECT mean(v) INTO means FROM m GROUP BY time(1m), host ${IDLE} END`,
    );
    await query(
      `CREATE CONTINUOUS QUERY tops ON d BEGIN SELECT max(mean) INTO tops FROM means GROUP BY time(5m) ${IDLE} END`,
    );
    await query('CREATE CONTINUOUS QUERY copy ON d BEGIN SELECT v INTO copies FROM m GROUP BY host END');
    await written(server, 'd', point('a', 0, 1) + point('a', 10, 3) + point('b', 20, 5));
    await written(server, 'd', point('a', 61, 10));
    await eventually(
      () => rows('means'),
      (found) => found.length === 2,
    );
    expect(await rows('means')).to.deep.equal([
      [at(0), 'a', 2],
      [at(0), 'b', 5],
    ]);
    await written(server, 'd', point('a', 30, 8));
    await eventually(
      () => rows('means'),
      (found) => found[0][2] === 4,
    );
    await written(server, 'd', point('a', 400, 0));
    await eventually(
      () => rows('means'),
      (found) => found.length === 3,
    );
    expect(await rows('copies')).to.have.length(6);
    await written(server, 'd', point('a', 800, 0));
    await eventually(
      () => rows('tops'),
      (found) => found.length > 0,
    );
    expect((await rows('tops'))[0]).to.deep.equal([at(-240), 5]);
  });

  it('are tried over history, refreshed and explained', async () => {
    await written(server, 'd', [0, 30, 60, 130].map((seconds) => point('a', seconds, seconds, 'h')).join(''));
    await query('CREATE CONTINUOUS QUERY h ON d BEGIN SELECT max(v) INTO highs FROM h GROUP BY time(1m), host END');
    const range = `FROM ${at(59)} TO ${at(61)}`;
    expect(await query(`BACKTEST CONTINUOUS QUERY h ${range}`)).to.deep.equal([
      {
        name: 'h',
        tags: { host: 'a' },
        columns: ['time', 'max'],
        values: [
          [at(0), 30],
          [at(60), 60],
        ],
      },
    ]);
    expect(await rows('highs'), 'nothing was written').to.deep.equal([]);
    await written(server, 'd', `highs,host=a max=99 ${at(0)}`);
    const [told] = await query(`REFRESH CONTINUOUS QUERY h ON d ${range}`);
    expect(told.values).to.deep.equal([[0, 2]]);
    expect(await rows('highs')).to.deep.equal([
      [at(0), 'a', 30],
      [at(60), 'a', 60],
    ]);
    await query('PAUSE CONTINUOUS QUERY h ON d');
    const all = await query(`REFRESH CONTINUOUS QUERY h ON d FROM ${at(0)} TO ${at(600)}`);
    expect(all[0].values, 'of a paused one too').to.deep.equal([[0, 3]]);
    expect(await refused('BACKTEST CONTINUOUS QUERY h FROM 2 TO 1')).to.include('expected FROM before TO');
    expect(await refused('REFRESH CONTINUOUS QUERY nope FROM 1 TO 2')).to.equal('continuous query not found: d.nope');
    const lines = (await query('EXPLAIN CONTINUOUS QUERY means ON d'))[0].values.flat();
    expect(lines).to.include.members(['EXPRESSION: mean(v::float)', 'INTO: d.autogen.means', 'LIVE: running']);
    await query(
      'CREATE CONTINUOUS QUERY shared ON d BEGIN SELECT max(v) INTO shared FROM h GROUP BY hop(1m, 40s), host END',
    );
    const shared = (await query('EXPLAIN CONTINUOUS QUERY shared ON d'))[0].values.flat();
    expect(shared).to.include.members([
      'PANES: 20s and 20s, in turn, from 0, fill null',
      'WINDOWS: 3 panes, one every 2',
    ]);
    expect(shared.find((line) => String(line).startsWith('SHARE GROUP'))).to.match(/: [0-9a-f]{8}, live queries: 1$/);
    const analyzed = (await query('EXPLAIN ANALYZE CONTINUOUS QUERY h'))[0];
    expect(analyzed.columns).to.deep.equal(['EXPLAIN ANALYZE']);
    expect(analyzed.values.flat()).to.include('POINTS WRITTEN: 3');
  });

  it('begin with what was written while they were paused', async () => {
    await query(`CREATE CONTINUOUS QUERY p ON d BEGIN SELECT sum(v) INTO paused FROM p GROUP BY time(1m) ${IDLE} END`);
    await written(server, 'd', point('a', 0, 1, 'p') + point('a', 60, 2, 'p'));
    await eventually(
      () => rows('paused'),
      (found) => found.length === 1,
    );
    await query('PAUSE CONTINUOUS QUERY p ON d');
    await written(server, 'd', point('a', 61, 3, 'p') + point('a', 600, 4, 'p'));
    await query('RESUME CONTINUOUS QUERY p ON d');
    await written(server, 'd', point('a', 660, 5, 'p'));
    await eventually(
      () => rows('paused'),
      (found) => found.length === 3,
    );
    expect(await rows('paused')).to.deep.equal([
      [at(0), 1],
      [at(60), 5],
      [at(600), 4],
    ]);
  });

  it('write sessions and what is computed from rows of windows, also behind a kill', async () => {
    const sessions = 'SELECT sum(v), count(v) INTO visits FROM w GROUP BY session(10s), host';
    await query(`CREATE CONTINUOUS QUERY sessions ON d BEGIN ${sessions} ${IDLE} END`);
    const rise = 'SELECT difference(max(v)) INTO rises FROM w GROUP BY time(1m), host fill(none)';
    await query(`CREATE CONTINUOUS QUERY rises ON d BEGIN ${rise} ${IDLE} END`);
    const write = (...seconds: number[]) =>
      written(
        server,
        'd',
        seconds.flatMap((s) => [point('a', s, s % 17, 'w'), point('b', s + 3, s % 13, 'w')]).join(''),
      );
    await write(0, 5, 12, 60);
    await eventually(
      () => rows('visits'),
      (found) => found.length === 2,
    );
    await write(64, 130, 138);
    await server.kill();
    server = await startServer(flags);
    await write(145, 200, 260, 268);
    // closes what came before
    await write(400, 500);
    const told = async (select: string, to: number) => {
      const text = select
        .replace(/ INTO \w+/, '')
        .replace(' GROUP', ` WHERE time >= ${at(0)} AND time < ${at(to)} GROUP`);
      return (await query(text)).flatMap(({ tags, values }) =>
        (values ?? []).map(([time, ...rest]) => [time, tags!.host, ...rest].join()),
      );
    };
    const held = async (measurement: string, columns: string) =>
      (await query(`SELECT ${columns} FROM ${measurement} WHERE time < ${at(300)} GROUP BY host`)).flatMap(
        ({ tags, values }) => (values ?? []).map(([time, ...rest]) => [time, tags!.host, ...rest].join()),
      );
    const sums = await told(sessions, 300);
    const rises = await told(rise, 300);
    await eventually(
      () => held('visits', 'sum, count'),
      (found) => JSON.stringify(found) === JSON.stringify(sums),
    );
    await eventually(
      () => held('rises', 'difference'),
      (found) => JSON.stringify(found) === JSON.stringify(rises),
    );
  });

  it('write windows that overlap, also behind a kill; what a range would cut is refused', async () => {
    const hops = 'SELECT sum(v), count(v) INTO hops FROM o GROUP BY hop(60s, 20s), host fill(none)';
    const several = 'SELECT max(v) INTO several FROM o GROUP BY windows(time(20s), time(60s)), host fill(none)';
    const sofar = 'SELECT sum(v), _count INTO sofar FROM o GROUP BY cumulate(1m, 20s), host fill(none)';
    for (const [name, select] of Object.entries({ hops, several, sofar })) {
      await query(`CREATE CONTINUOUS QUERY ${name} ON d BEGIN ${select} ${IDLE} END`);
    }
    const refusal = await refused(`CREATE CONTINUOUS QUERY day ON d BEGIN ${sofar.replace('host', '"window"')} END`);
    expect(refusal).to.include('points of cumulate() get the tag "window"');
    const range = `FROM ${at(0)} TO ${at(60)}`;
    for (const what of ['BACKTEST', 'REFRESH']) {
      expect(await refused(`${what} CONTINUOUS QUERY hops ON d ${range}`)).to.include('cuts windows that overlap');
    }
    const write = (...seconds: number[]) =>
      written(
        server,
        'd',
        seconds.flatMap((s) => [point('a', s, s % 17, 'o'), point('b', s + 3, s % 13, 'o')]).join(''),
      );
    await write(0, 5, 32, 65, 130);
    await eventually(
      () => rows('hops'),
      (found) => found.length >= 4,
    );
    await write(110, 151);
    await server.kill();
    server = await startServer(flags);
    await write(148, 190, 240, 290);
    await write(500, 600);
    const shown = (found: Awaited<ReturnType<typeof query>>) =>
      found.flatMap(({ tags, values }) =>
        (values ?? []).map(([time, ...rest]) => [time, tags!.host, tags!.window ?? '', ...rest].join()),
      );
    // as they are written: by how long their window is
    const lengths = (found: Awaited<ReturnType<typeof query>>) =>
      found.flatMap(({ tags, values }) =>
        (values ?? []).map(([time, sum, count, end]) => {
          const length = (Number(end) - Number(time)) / 1e9;
          return [time, tags!.host, length === 60 ? '1m' : `${length}s`, sum, count].join();
        }),
      );
    for (const [select, columns] of [
      [hops, 'sum, count'],
      [several, 'max'],
      [sofar, 'sum, "_count"'],
    ]) {
      const target = / INTO (\w+)/.exec(select)![1];
      const asked = select.replace(/ INTO \w+/, '').replace(' GROUP', ` WHERE time >= ${at(0)} GROUP`);
      // windows that hold points, begin behind the first and end before the last one
      const inside = (row: string) =>
        Number(row.split(',')[0]) >= Number(at(0)) && Number(row.split(',')[0]) <= Number(at(240));
      const whole = (
        target === 'sofar' ? lengths(await query(asked.replace(' FROM', ', _end FROM'))) : shown(await query(asked))
      )
        .filter(inside)
        .sort();
      const by = target === 'hops' ? 'host' : 'host, "window"';
      const text = `SELECT ${columns} FROM ${target} WHERE time >= ${at(0)} GROUP BY ${by}`;
      const found = await eventually(
        async () =>
          shown(await query(text))
            .filter(inside)
            .sort(),
        (rows) => JSON.stringify(rows) === JSON.stringify(whole),
      );
      expect(found.length).to.be.at.least(8);
    }
  });

  it('write joined rows, also behind a kill', async () => {
    const since = `WHERE time >= ${at(0)}`;
    const joins = {
      near: `SELECT l.v AS v, r.v AS w INTO near FROM j AS l JOIN k AS r WITHIN 2s ON host ${since} GROUP BY host`,
      latest: `SELECT l.v - r.v AS rise INTO latest FROM j AS l ASOF JOIN k AS r TOLERANCE 1m ON host ${since} GROUP BY host`,
      ratio: `SELECT a.sum / b.sum AS ratio INTO ratio FROM (SELECT sum(v) FROM j ${since} GROUP BY time(20s), host) AS a JOIN (SELECT sum(v) FROM k ${since} GROUP BY time(20s), host) AS b ON WINDOW, host GROUP BY host`,
      most: `SELECT max(l.v) AS most INTO most FROM j AS l ASOF JOIN k AS r ON host ${since} GROUP BY session(15s), host`,
    };
    for (const [name, select] of Object.entries(joins)) {
      await query(`CREATE CONTINUOUS QUERY ${name} ON d BEGIN ${select} ${IDLE} LATENESS 10m UPDATE END`);
    }
    const write = (...seconds: number[]) =>
      written(
        server,
        'd',
        seconds
          .flatMap((s) =>
            ['a', 'b'].flatMap((host) => [point(host, s, s % 17, 'j'), point(host, s + 1, (s % 5) + 1, 'k')]),
          )
          .join(''),
      );
    const told = (found: Awaited<ReturnType<typeof query>>) =>
      found
        .flatMap(({ tags, values }) => (values ?? []).map(([time, ...rest]) => [time, tags!.host, ...rest].join()))
        .filter((row) => Number(row.split(',')[0]) < at(200))
        .sort();
    const agree = async (): Promise<void> => {
      for (const [name, select] of Object.entries(joins)) {
        const column = /AS (\w+)(?:, r\.v AS (\w+))? INTO/.exec(select)!.slice(1).filter(Boolean).join();
        const whole = told(await query(select.replace(/ INTO \w+/, '')));
        await eventually(
          async () => told(await query(`SELECT ${column} FROM ${name} GROUP BY host`)),
          (found) => JSON.stringify(found) === JSON.stringify(whole),
        );
        expect(whole, name).to.have.length.at.least(2);
      }
    };
    await write(0, 5, 22, 45, 110, 230);
    await agree();
    // late, and behind a kill
    await write(50, 115);
    await server.kill();
    server = await startServer(flags);
    await write(180, 260, 400);
    await agree();
  });

  it('write a window again that is long over where they recompute, also behind a kill', async () => {
    const select = 'SELECT sum(v) INTO fixed FROM l GROUP BY time(1m), host';
    await query(`CREATE CONTINUOUS QUERY fixed ON d BEGIN ${select} ${IDLE} LATENESS 1s UPDATE RECOMPUTE END`);
    const all = Array.from({ length: 21 }, (_, n) => point('a', n * 30, 1, 'l') + point('b', n * 30, 1, 'l'));
    await written(server, 'd', all.slice(0, 2).join(''));
    await written(server, 'd', all.slice(2).join(''));
    const sumAt = async (seconds: number, host: string) => {
      const found = await query(`SELECT sum FROM fixed WHERE time = ${at(seconds)} AND host = '${host}'`);
      return Number(found[0]?.values[0][1] ?? 0);
    };
    const become = (seconds: number, host: string, sum: number) =>
      eventually(
        () => sumAt(seconds, host),
        (found) => found === sum,
      );
    await become(480, 'b', 2);
    await written(server, 'd', point('a', 61, 5, 'l'));
    await become(60, 'a', 7);
    await written(server, 'd', point('b', 121, 10, 'l'));
    await server.kill();
    server = await startServer(flags);
    await written(server, 'd', point('a', 181, 20, 'l'));
    await become(120, 'b', 12);
    await become(180, 'a', 22);
    expect(await sumAt(120, 'a')).to.equal(2);
  });

  it('write points that come too late to where LATENESS says, also behind a kill', async () => {
    const select = "SELECT sum(v) INTO kept FROM o WHERE zone = 'x' GROUP BY time(1m), host";
    await query(`CREATE CONTINUOUS QUERY kept ON d BEGIN ${select} ${IDLE} LATENESS 1s INTO missed END`);
    const named = (await shown()).get('d')!.find(([name]) => name === 'kept')![1];
    expect(named).to.include('LATENESS 1s UPDATE INTO d.autogen.missed');
    const line = (seconds: number, ns: number, rest = '', zone = 'x') =>
      `o,host=a,zone=${zone} v=1${rest} ${T0 + BigInt(seconds) * 1_000_000_000n + BigInt(ns)}\n`;
    await written(server, 'd', line(60, 0));
    await written(server, 'd', [90, 120, 300, 600].map((seconds) => line(seconds, 0)).join(''));
    let times = 0;
    const late = async (): Promise<Series['values']> => {
      await written(server, 'd', line(61, ++times));
      return rows('missed');
    };
    await eventually(late, (found) => found.length > 0);
    await written(server, 'd', line(62, 0, ',s="apart"') + line(62, 1, '', 'y'));
    const counted = async (): Promise<number> => {
      const [[, sum]] = (await query(`SELECT sum FROM kept WHERE time = ${at(60)}`))[0].values;
      const [[, count]] = (await query(`SELECT count(v) FROM missed WHERE time < ${at(120)}`))[0].values;
      return Number(sum) + Number(count);
    };
    // each point is in one of them
    await eventually(counted, (points) => points === 2 + times + 1);
    await server.kill();
    server = await startServer(flags);
    await written(server, 'd', line(122, 0, ',s="behind"'));
    const apart = async (): Promise<string> =>
      ((await query('SELECT s FROM missed GROUP BY *'))[0]?.values ?? []).map(([, s]) => s).join();
    await eventually(apart, (found) => found === 'apart,behind');
    const [{ tags }] = await query('SELECT v FROM missed GROUP BY *');
    expect(tags).to.deep.equal({ host: 'a', zone: 'x' });
    expect(await counted(), 'none is in neither').to.be.at.least(2 + times + 1);
    expect(await metric(server, 'millrace_standing_late_points_total')).to.be.at.least(1);
    expect(await refused(`CREATE CONTINUOUS QUERY r ON d BEGIN ${select} LATENESS 1s INTO o END`)).to.include(
      'it would read what it writes to "o"',
    );
    expect(await refused(`CREATE CONTINUOUS QUERY r ON d BEGIN ${select} LATENESS 1s INTO no.x.y END`)).to.equal(
      'database not found: no',
    );
    await query('DROP CONTINUOUS QUERY kept ON d');
  });

  it('write the windows of each series by its own time, also behind a kill', async () => {
    const select = 'SELECT sum(v), count(v) INTO own FROM paced GROUP BY time(20s), host fill(none)';
    await query(`CREATE CONTINUOUS QUERY own ON d BEGIN ${select} WATERMARK IDLE 200ms PER SERIES END`);
    // b is a day behind a, and its points come in between
    const write = (...seconds: number[]) =>
      written(
        server,
        'd',
        seconds.map((s) => point('a', s, s % 7, 'paced') + point('b', s - 86_400, s % 5, 'paced')).join(''),
      );
    for (const s of [0, 5, 25, 45]) await write(s);
    const own = () => query('SELECT sum, count FROM own GROUP BY host');
    await eventually(own, (found) => found.length === 2 && found.every(({ values }) => (values?.length ?? 0) >= 2));
    await write(65, 72);
    await server.kill();
    server = await startServer(flags);
    for (const s of [70, 90, 130, 300]) await write(s);
    const asked = select.replace(' INTO own', '').replace(' GROUP', ` WHERE time < ${at(160)} GROUP`);
    const history = (await query(asked)).map(({ tags, values }) => [
      tags!.host,
      (values ?? []).filter(([time]) => tags!.host === 'a' || Number(time) < at(160 - 86_400)),
    ]);
    const stored = async () =>
      (await own()).map(({ tags, values }) => [
        tags!.host,
        (values ?? []).filter(([time]) => Number(time) < at(tags!.host === 'a' ? 160 : 160 - 86_400)),
      ]);
    await eventually(stored, (found) => JSON.stringify(found) === JSON.stringify(history));
    await query('DROP CONTINUOUS QUERY own ON d');
  });

  it('keep what WITH says, also behind a kill, and say so', async () => {
    const create =
      'CREATE CONTINUOUS QUERY kept ON d WITH (retain = 1h, state_ttl = 1d) ' +
      'BEGIN SELECT max(v) INTO kept FROM k GROUP BY time(1m), host END';
    await query(create);
    const explained = async (): Promise<unknown[]> =>
      (await query('EXPLAIN CONTINUOUS QUERY kept ON d'))[0].values.flat();
    const told = async (): Promise<string> => {
      const all = await eventually(shown, (found) => found.get('d')?.some(([name]) => name === 'kept') === true);
      return String(all.get('d')!.find(([name]) => name === 'kept')![1]);
    };
    expect(await told()).to.include('ON d WITH (retain = 1h, state_ttl = 1d) BEGIN SELECT');
    await server.kill();
    server = await startServer(flags);
    expect(await told()).to.include('ON d WITH (retain = 1h, state_ttl = 1d) BEGIN SELECT');
    const live =
      'LIVE QUERY: SELECT max(v) FROM d.autogen.k GROUP BY time(1m), host ' +
      'EMIT ON CLOSE, ON LATE WITH (retain = 1h, state_ttl = 1d)';
    await eventually(explained, (lines) => lines.includes('SERIES LET GO: 0'));
    expect(await explained()).to.include(live);
    await query('DROP CONTINUOUS QUERY kept ON d');
  });

  it('go on when what they write is refused, and say so', async () => {
    await written(server, 'd', `clash,host=a mean="text" ${T0}`);
    await query(
      `CREATE CONTINUOUS QUERY clash ON d BEGIN SELECT mean(v) INTO clash FROM n GROUP BY time(1m), host ${IDLE} END`,
    );
    await written(server, 'd', point('a', 0, 1, 'n') + point('a', 60, 1, 'n'));
    const found = await eventually(shown, (all) => all.get('d')?.find(([name]) => name === 'clash')?.[4] !== 0);
    const [, , state, points, , failure] = found.get('d')!.find(([name]) => name === 'clash')!;
    expect([state, points]).to.deep.equal(['running', 0]);
    expect(failure).to.include('field type conflict');
    expect(await metric(server, 'millrace_standing_failures_total{reason="write"}')).to.be.greaterThan(0);
    await query('DROP CONTINUOUS QUERY clash ON d');
  });

  async function query(q: string, db = 'd'): Promise<readonly Series[]> {
    return series(server, db, q);
  }

  async function refused(q: string): Promise<string> {
    return series(server, 'd', q).then(
      (answer) => `answered: ${JSON.stringify(answer)}`,
      (error: Error) => error.message,
    );
  }

  async function shown(): Promise<Map<string, Series['values']>> {
    return new Map((await query('SHOW CONTINUOUS QUERIES')).map(({ name, values }) => [name, values ?? []]));
  }

  async function rows(measurement: string): Promise<Series['values']> {
    const [found] = await query(`SELECT * FROM ${measurement}`);
    return found?.values ?? [];
  }
});

// private functions

function point(host: string, seconds: number, v: number, measurement = 'm'): string {
  return `${measurement},host=${host} v=${v} ${at(seconds)}\n`;
}

/** ns. Not a number that JavaScript keeps whole by chance: multiples of a second are. */
function at(seconds: number): number {
  return Number(T0 + BigInt(seconds) * 1_000_000_000n);
}
