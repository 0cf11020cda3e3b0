/** WATERMARK … PER SERIES: fast and slow series beside each other, series that are let go, the limit, and what is refused. */
import { expect } from 'chai';
import { LiveSeries } from '../../../../query/runtime/live/home/live-series.ts';
import { history, type LiveUpdate } from '../../../../query/runtime/live/live-update.ts';
import { SCHEMA } from '../../../support/live-schedules.ts';
import { LiveText, NOW_NS } from '../../../support/live-texts.ts';
import type { Row } from '../support/array-source.ts';

const SELECT = 'SELECT count(v) FROM m GROUP BY time(10s), host fill(none)';

describe('series with a watermark of their own', () => {
  it('are not held back by slow ones, nor late because of fast ones', () => {
    for (const shards of [1, 3]) {
      const told = (clause: string): LiveText => {
        const live = new LiveText(`${SELECT}${clause} EMIT ON CLOSE, ON LATE`, SCHEMA, shards);
        for (let s = -60; s < 0; s += 5) {
          live.write(point('a', s), point('b', s - 3600));
          live.pass(1000);
        }
        return live;
      };
      const own = told(' WATERMARK PER SERIES');
      expect(own.home.counters).to.include({ onTime: 24, late: 0, tooLate: 0 });
      expect(own.finals().length, 'windows closed by the points of each').to.equal(10);
      const { counters } = told('').home;
      // over several shards the slowest holds the others back, if it has one for itself
      if (shards === 1) expect(counters.tooLate, 'without it').to.be.at.least(5);
    }
  });

  it('close by the clock, each from where it stands', () => {
    const live = new LiveText(`${SELECT} WATERMARK IDLE 5s PER SERIES EMIT ON CLOSE, ON LATE`, SCHEMA, 2);
    live.write(point('a', -2), point('b', -3601));
    live.pass(5_000);
    expect(live.finals()).to.deep.equal([]);
    live.pass(1_000);
    expect(live.finals()).to.deep.equal(['m{"host":"b"} -3610']);
    live.pass(1_000);
    expect(live.finals().sort()).to.deep.equal(['m{"host":"a"} -10', 'm{"host":"b"} -3610']);
  });

  it('are let go when they were silent for state_ttl, and begin anew with greater revisions', async () => {
    const live = new LiveText(`${SELECT} WATERMARK PER SERIES LATENESS 5s WITH (state_ttl = 1m)`, SCHEMA, 2);
    live.write(point('a', 0), point('b', 0));
    live.pass(60_000);
    expect(live.held.get('m{"host":"a"} 0')).to.deep.equal({ rows: ['1'], final: true, rev: 0 });
    for (let s = 60; s < 120; s += 10) {
      live.write(point('b', s));
      live.pass(10_000);
    }
    expect(live.home.counters).to.include({ letGo: 1 });
    live.write(point('a', 5), point('a', 100));
    live.pass(30_000);
    expect(live.held.get('m{"host":"a"} 0'), 'the window of old').to.deep.equal({ rows: ['2'], final: true, rev: 1 });
    expect(live.home.counters.tooLate).to.equal(0);
    expect(new Map(live.rows())).to.deep.equal(await live.history());
  });

  it('are let go where there is no room, and the query ends where none can be', () => {
    const from = new LiveText(`${SELECT} WATERMARK PER SERIES LATENESS 0s`, SCHEMA, 1);
    const updates: LiveUpdate[] = [];
    from.home.accept = (_, update) => void updates.push(update);
    for (const host of ['a', 'b', 'c']) {
      from.write(point(host, 0));
      from.pass(1000);
    }
    const open = (): LiveSeries => {
      const home = new LiveSeries(from.live, 1, 2);
      home.accept(0, { ...history(), wholeFrom: Number.NEGATIVE_INFINITY });
      home.accept(0, updates[0]);
      return home;
    };
    const full = open();
    expect(() => {
      for (const update of updates.slice(1)) full.accept(0, update);
    }).to.throw('more than 2 series with a watermark of their own');
    const home = open();
    for (let s = 0; s <= 60; s++) home.advance(from.nowMs + s * 1000);
    expect(home.cells, 'all has been said of the first').to.equal(0);
    for (const update of updates.slice(1)) home.accept(0, update);
    expect(home.counters.letGo).to.equal(1);
  });

  it('are refused where they mean nothing, with the reason', () => {
    const refused = {
      'SELECT v FROM m GROUP BY host WATERMARK PER SERIES': 'and there are none: expected aggregates by time(…)',
      'SELECT sum(v) FROM m GROUP BY host WATERMARK PER SERIES': 'and there are none',
      'SELECT sum(v) FROM m GROUP BY time(10s) WATERMARK PER SERIES': 'name the tags of a series in GROUP BY',
      'SELECT sum(v) FROM m GROUP BY session(5s), host WATERMARK PER SERIES': 'from points of all series at one time',
      'SELECT difference(sum(v)) FROM m GROUP BY time(5s), host WATERMARK PER SERIES': 'from points of all series',
      'SELECT sum(v) FROM m GROUP BY windows(time(5s), time(1m)), host WATERMARK PER SERIES': 'ask for each kind apart',
      'SELECT sum(v) FROM m GROUP BY time(5s), host fill(none) WATERMARK PER SERIES LATENESS 1m RECOMPUTE':
        'LATENESS with RECOMPUTE has shards judge',
      'SELECT sum(v) FROM m GROUP BY time(5s), host WATERMARK PER SERIES LATENESS 1m INTO x': 'LATENESS with INTO has',
    };
    for (const [text, message] of Object.entries(refused)) {
      expect(() => new LiveText(text, SCHEMA, 1), text).to.throw(message);
    }
  });
});

// private functions

function point(host: string, second: number): Row {
  return {
    measurement: 'm',
    tags: [
      ['host', host],
      ['zone', 'x'],
    ],
    time: NOW_NS + BigInt(second) * 1_000_000_000n,
    fields: { v: { type: 'float', value: 1 } },
  };
}
