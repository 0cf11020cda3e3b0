/** A server's life: restarts on the same data, SIGTERM with writes in flight, data that it must refuse, and flags that it must refuse. */
import { mkdir, open, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { ask, eventually, metric, results, series, write, written } from '../support/api.ts';
import { QUIET, runToEnd, startServer, startSources, temporaryDirectory } from '../support/server.ts';

describe('a restart', () => {
  it('finds points, databases, field types and what was dropped as they were', async () => {
    const flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--shards', '3'];
    let server = await startServer(flags);
    const lines = Array.from({ length: 300 }, (_, i) => `m,host=h${i % 30} v=${i}i,s="t${i}" ${i + 1}`).join('\n');
    await written(server, 'kept', lines);
    await written(server, 'gone', lines);
    await written(server, 'again', 'm v="old" 1');
    for (const name of ['gone', 'again']) await results(server, '', `DROP DATABASE "${name}"`);
    await results(server, '', 'CREATE DATABASE "empty"');
    // dropping forgets field types too: another one may come
    await written(server, 'again', 'm v=2 2');
    const before = await results(server, 'kept', 'SELECT * FROM "m" GROUP BY *; SHOW SERIES; SHOW FIELD KEYS');
    expect(await server.stop()).to.equal(0);

    server = await startServer(flags);
    try {
      expect(await results(server, 'kept', 'SELECT * FROM "m" GROUP BY *; SHOW SERIES; SHOW FIELD KEYS')).to.deep.equal(
        before,
      );
      const [{ values }] = await series(server, '', 'SHOW DATABASES');
      expect(values.flat()).to.include.members(['again', 'empty', 'kept']).and.not.include('gone');
      expect(await results(server, 'gone', 'SELECT * FROM "m"')).to.deep.equal([
        { statement_id: 0, error: 'database not found: gone' },
      ]);
      expect((await series(server, 'again', 'SELECT * FROM "m"'))[0].values).to.deep.equal([[2, 2]]);
      const conflict = await write(server, 'kept', 'm v="text" 1');
      expect(conflict.status).to.equal(400);
      expect(await conflict.text()).to.include('field type conflict');
      await written(server, 'kept', 'm,host=new v=1i 1000');
      expect((await series(server, 'kept', 'SELECT count("v") FROM "m"'))[0].values[0][1]).to.equal(301);
    } finally {
      await server.stop();
    }
  });

  it('knows series that were written again and again together, after kill -9 and where some were dropped', async () => {
    const flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--shards', '2'];
    let server = await startServer(flags);
    const bodyOf = (rack: number, time: number): string =>
      Array.from({ length: 200 }, (_, i) => `m,host=a-host-in-rack-${rack}-of-number-${i} v=${i + time}i ${time}`).join(
        '\n',
      );
    const rounds = async (from: number, to: number): Promise<void> => {
      for (let time = from; time < to; time++)
        for (const rack of [1, 2]) await written(server, 'd', bodyOf(rack, time));
    };
    const answers = (): Promise<unknown> =>
      results(server, 'd', 'SELECT count("v"), sum("v") FROM "m"; SELECT "v" FROM "m" GROUP BY "host"');
    await rounds(1, 5);
    await results(server, 'd', `DROP SERIES FROM "m" WHERE "host" = 'a-host-in-rack-1-of-number-7'`);
    await rounds(5, 8);
    const before = await answers();
    expect(JSON.stringify(before)).to.include(`[0,${7 * 400 - 4},`);
    await server.kill();
    server = await startServer(flags);
    try {
      expect(await answers()).to.deep.equal(before);
      await rounds(8, 11);
      const [{ values }] = await series(server, 'd', 'SELECT count("v") FROM "m"');
      expect(values[0][1]).to.equal(10 * 400 - 4);
    } finally {
      await server.stop();
    }
  });

  it('keeps what was overwritten overwritten', async () => {
    const flags = [...QUIET, '--data-dir', await temporaryDirectory()];
    let server = await startServer(flags);
    await written(server, 'd', 'm a=1,b=1 1\nm a=2 2');
    await written(server, 'd', 'm a=10 1');
    const answer = await series(server, 'd', 'SELECT * FROM "m"');
    expect(answer[0].values).to.deep.equal([
      [1, 10, 1],
      [2, 2, null],
    ]);
    await server.stop();
    server = await startServer(flags);
    try {
      expect(await series(server, 'd', 'SELECT * FROM "m"')).to.deep.equal(answer);
    } finally {
      await server.stop();
    }
  });
});

describe('SIGTERM', () => {
  for (const door of ['uws', 'node']) {
    it(`ends with 0 and loses nothing of what it answered, with writes in flight (door ${door})`, async () => {
      const flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--door', door];
      let server = await startServer(flags);
      const acknowledged = new Set<number>();
      let next = 1;
      let stopped = false;
      const writers = Array.from({ length: 8 }, async () => {
        while (!stopped) {
          const ids = Array.from({ length: 10 }, () => next++);
          const lines = ids.map((id) => `m,host=h${id % 9} id=${id}i ${id}`).join('\n');
          const response = await write(server, 'd', lines).catch(() => null);
          if (response === null) return;
          if (response.status === 204) for (const id of ids) acknowledged.add(id);
        }
      });
      await eventually(
        () => acknowledged.size,
        (size) => size > 500,
      );
      const running = server;
      expect(await running.stop()).to.equal(0);
      stopped = true;
      await Promise.all(writers);
      server = await startServer(flags);
      try {
        const [{ values }] = await series(server, 'd', 'SELECT "id" FROM "m"');
        const found = new Set(values.map((row) => row[1]));
        expect([...acknowledged].filter((id) => !found.has(id))).to.deep.equal([]);
        expect(running.stderr()).to.equal('');
      } finally {
        await server.stop();
      }
    });
  }
});

describe('a data directory', () => {
  it('is served from the sources as from the bundle, and the other way round', async () => {
    const flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--shards', '2'];
    for (const [start, rows] of [
      [startSources, 3],
      [startServer, 6],
    ] as const) {
      const server = await start(flags);
      try {
        await written(server, 'both', ['a', 'b', 'c'].map((host) => `m,host=${host} v=1i ${rows}`).join('\n'));
        const [{ values }] = await series(server, 'both', 'SELECT sum("v") FROM "m"');
        expect(values[0][1]).to.equal(rows);
        expect((await fetch(`${server.http}/ping`)).status).to.equal(204);
      } finally {
        expect(await server.stop()).to.equal(0);
      }
    }
  });

  it('is held by one server at a time', async () => {
    const directory = await temporaryDirectory();
    const server = await startServer([...QUIET, '--data-dir', directory]);
    try {
      const second = await runToEnd([...QUIET, '--data-dir', directory, '--http', '127.0.0.1:0', '--udp', 'off']);
      expect(second.code).to.equal(1);
      expect(second.stderr)
        .to.match(/^millrace: .*(in use|locked|another|held)/m)
        .and.include(directory);
      await written(server, 'd', 'm v=1');
    } finally {
      await server.stop();
    }
  });

  it('with a corrupt record in its middle is refused, with file and offset', async () => {
    const { directory, segment } = await oneShardWith(50);
    const file = await open(segment, 'r+');
    const { size } = await file.stat();
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, size >> 1);
    byte[0] ^= 0x40;
    await file.write(byte, 0, 1, size >> 1);
    await file.close();
    const { code, stderr } = await runToEnd(free(directory));
    expect(code).to.equal(1);
    expect(stderr)
      .to.include(segment)
      .and.match(/at \d+|offset \d+/);
    expect(stderr.trim().split('\n').length).to.equal(1);
  });

  it('with a torn tail is opened, without the rest of the write that nobody was told of', async () => {
    const { directory, segment } = await oneShardWith(50);
    await truncate(segment, (await stat(segment)).size - 5);
    const server = await startServer([...QUIET, '--data-dir', directory]);
    try {
      expect((await series(server, 'd', 'SELECT count("v") FROM "m"'))[0].values[0][1]).to.equal(49);
      await written(server, 'd', 'm v=1 1000');
      expect((await series(server, 'd', 'SELECT count("v") FROM "m"'))[0].values[0][1]).to.equal(50);
    } finally {
      await server.stop();
    }
  });

  it('of a later format, or made with other shards, is refused', async () => {
    const directory = await temporaryDirectory();
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'millrace.json'), '{"format":99,"shards":1}');
    const later = await runToEnd(free(directory));
    expect([later.code, later.stderr.trim()]).to.deep.equal([
      1,
      `millrace: data directory "${directory}" has format 99; this version reads 2`,
    ]);
    await writeFile(join(directory, 'millrace.json'), '{"format":2,"shards":3}');
    const other = await runToEnd([...free(directory), '--shards', '4']);
    expect([other.code, other.stderr.trim()]).to.deep.equal([
      1,
      `millrace: shards: 4 was asked for, but "${directory}" was made with 3`,
    ]);
  });
});

describe('flags', () => {
  for (const [flags, words] of [
    [['--no-such-flag'], /Unknown option '--no-such-flag'/],
    [['--http', 'nowhere'], /http: "nowhere" is not host:port/],
    [['--http', '127.0.0.1:99999'], /http: "127\.0\.0\.1:99999" is not host:port/],
    [['--shards', '0'], /shards: "0" is not a whole number from 1 to \d+/],
    [['--telemetry-ms', 'often'], /telemetry-ms: "often" is not a whole number/],
    [['--log-level', 'loud'], /log-level: "loud" is none of error, warn, info, debug/],
    [['--door', 'back'], /door: "back" is none of auto, uws, node/],
    [['--redis', 'redis://127.0.0.1'], /redis: /],
    [['--config', '/does/not/exist.json'], /config file "\/does\/not\/exist\.json"/],
  ] as const) {
    it(`${flags.join(' ')} is refused in words`, async () => {
      const { code, stdout, stderr } = await runToEnd(flags);
      expect(code).to.equal(1);
      expect(stdout).to.equal('');
      expect(stderr).to.match(words);
      expect(stderr).to.not.match(/\n {4}at /);
    });
  }

  it('an address that is taken is refused in one line', async () => {
    const server = await startServer(QUIET);
    try {
      const { host } = new URL(server.http);
      const taken = await runToEnd([
        ...QUIET,
        '--data-dir',
        await temporaryDirectory(),
        '--http',
        host,
        '--udp',
        'off',
      ]);
      expect(taken.code).to.equal(1);
      expect(taken.stderr).to.include(host.split(':')[1]);
      expect(taken.stderr.trim().split('\n').length).to.equal(1);
    } finally {
      await server.stop();
    }
  });
});

describe('what a server says of itself', () => {
  it('answers /ping, /health, /ready, /metrics and /debug/vars', async () => {
    const server = await startServer(QUIET);
    try {
      const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${server.http}${path}`, init);
      for (const method of ['GET', 'HEAD']) {
        const ping = await get('/ping', { method });
        expect(ping.status).to.equal(204);
        expect(ping.headers.get('x-influxdb-version')).to.match(/^1\.8\.10-millrace/);
      }
      expect(await (await get('/health')).json()).to.include({ status: 'pass', name: 'millrace' });
      expect(await (await get('/ready')).json()).to.include({ status: 'ready' });
      expect((await write(server, 'd', 'm v=1\nm v=2,w=1\nbad')).status).to.equal(400);
      expect(await metric(server, 'millrace_points_in_total{door="http"}')).to.equal(2);
      expect(await metric(server, 'millrace_points_rejected_total{door="http",reason="line"}')).to.equal(1);
      expect(await (await fetch(`${server.http}/debug/vars`)).json()).to.deep.include({
        points_in: { 'door=http': 2 },
      });
      expect((await ask(server, { q: 'SHOW DATABASES' })).status).to.equal(200);
      expect((await fetch(`${server.http}/no/such/path`)).status).to.equal(404);
    } finally {
      await server.stop();
    }
  });
});

// private functions

function free(directory: string): string[] {
  return [...QUIET, '--data-dir', directory, '--http', '127.0.0.1:0', '--udp', 'off'];
}

/** A directory of one shard that holds so many points, each a record of its own, and the file that holds them. */
async function oneShardWith(points: number): Promise<{ directory: string; segment: string }> {
  const directory = await temporaryDirectory();
  const server = await startServer([...QUIET, '--data-dir', directory, '--shards', '1']);
  for (let i = 1; i <= points; i++) await written(server, 'd', `m v=${i} ${i}`);
  await server.stop();
  const log = join(directory, 'shards', 'shard-0', 'log');
  const [name] = (await readdir(log)).sort();
  return { directory, segment: join(log, name) };
}
