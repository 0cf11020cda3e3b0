/** A running alert: batches are taken as a whole, and what is saved is all that a later start needs. */
import { expect } from 'chai';
import { TextDictionary } from '../../../../model/index.ts';
import type { Emission, LivePlan, ResultTable } from '../../../../query/index.ts';
import { Alert, type AlertPort } from '../../../../server/alerts/alert.ts';
import { alertDefinition } from '../../../../server/alerts/definition.ts';
import { forgetAlert, loadAlert, type SavedAlert, saveAlert } from '../../../../server/alerts/saved-alert.ts';
import { temporaryDirectory } from '../../../support/server.ts';

const STORED = {
  database: 'd',
  name: 'hot',
  text:
    "CREATE ALERT hot ON d (SELECT mean(v) FROM d.autogen.m GROUP BY time(1m), host) WHEN mean > 9 FOR 2m LEVEL 'on'" +
    " NO DATA FOR 5m REMIND EVERY 1h NOTIFY 'http://hook.test/'",
  secret: '',
  created: '1',
};
const MINUTE = 60_000_000_000n;
const LIVE = {
  plan: { window: { interval: MINUTE, origin: 0n } },
  rules: { idle: 10_000_000_000n },
} as unknown as LivePlan;

describe('alert', () => {
  it('does not take a batch whose points could not be written, and takes it whole when it comes again', async () => {
    const world = new World();
    const alert = world.alert(null);
    await alert.take(batch([0, 'a', 10]));
    world.error = new Error('the disk is full');
    const failed = await alert.take(batch([1, 'a', 10])).catch((error: Error) => error.message);
    expect(failed).to.equal('the disk is full');
    expect([alert.counts.firing, alert.since()]).to.deep.equal([0, 'cursor of 0']);
    world.error = null;
    await alert.take({ ...batch([1, 'a', 10]), first: true });
    expect([alert.counts.firing, alert.since()]).to.deep.equal([1, 'cursor of 1']);
    expect(world.lines).to.have.length(1);
    expect(world.lines[0]).to.match(/^_alerts,host=a,_alert=hot level="on",previous="ok",.* 120000000000$/);
  });

  it('says and is the same with a stop behind any batch, with what came before the stop once more', async () => {
    const directory = await temporaryDirectory();
    const rows = [10, 10, 3, 12, 12, 12].map((v, minute) => batch([minute, 'a', v], [minute, 'b', 12 - v]));
    const whole = new World();
    const alert = whole.alert(null);
    for (const one of rows) await alert.take(one);
    for (let stop = 0; stop < rows.length; stop++) {
      const world = new World();
      const before = world.alert(null);
      for (const one of rows.slice(0, stop + 1)) await before.take(one);
      before.close();
      await saveAlert(directory, STORED, before.saved());
      const after = world.alert(await loadAlert(directory, STORED));
      expect(after.since()).to.equal(`cursor of ${stop}`);
      expect(after.saved()).to.deep.equal(before.saved());
      for (const one of rows.slice(Math.max(0, stop - 1))) await after.take(one);
      expect(world.lines).to.deep.equal(whole.lines);
      expect(plain(after.saved().series)).to.deep.equal(plain(alert.saved().series));
    }
    await forgetAlert(directory, STORED);
    expect(await loadAlert(directory, STORED)).to.equal(null);
  });

  it('judges the rows of a batch by time, of revisions the last, and no row of an open window or of nulls', async () => {
    const world = new World();
    const alert = world.alert(null);
    const emissions = [
      { ...batch([1, 'a', 10], [0, 'a', 10]).emissions[0] },
      { ...batch([1, 'a', 1]).emissions[0], rev: 1 },
      { ...batch([2, 'a', 10], [3, 'a', 10]).emissions[0], final: false },
      batch([2, 'a', null]).emissions[0],
    ];
    await alert.take({ ...batch([1, 'a', 1]), emissions });
    expect(world.lines).to.deep.equal([]);
    const [{ state }] = alert.saved().series;
    expect([state.start, state.levels[0].since]).to.deep.equal([MINUTE, null]);
  });

  it('counts no silence while the server was down', async () => {
    const world = new World();
    await world.alert(null).take(batch([0, 'a', 1]));
    const saved = world.last!.saved();
    world.nowMs = () => 86_400_000;
    const alert = world.alert(saved);
    const quiet = { ...batch(), watermark: null, first: true, cursor: 'later' };
    await alert.take(quiet);
    expect(world.lines).to.deep.equal([]);
    world.nowMs = () => 86_400_000 + 310_000;
    await alert.take({ ...quiet, first: false });
    expect(world.lines, 'but what is quiet afterwards').to.have.length(1);
    expect(world.lines[0]).to.match(/level="no data".* 360000000000$/);
  });
});

// private functions

class World implements AlertPort {
  readonly lines: string[] = [];
  error: Error | null = null;
  last: Alert | null = null;

  alert(saved: SavedAlert | null): Alert {
    this.last = new Alert(STORED, alertDefinition(STORED), saved, { ...this, ...methods(this) });
    return this.last;
  }

  write: AlertPort['write'] = async ({ lines }) => {
    if (this.error !== null) throw this.error;
    const texts = new TextDecoder().decode(lines).trim().split('\n');
    this.lines.push(...texts.filter((line) => !this.lines.includes(line)));
    return { rows: texts.length, message: null };
  };
  changed = (): void => {};
  ignored = (): void => {};
  failed = (): void => {};
  post = (): Promise<number> => new Promise(() => {});
  nowMs = (): number => 1000;
  later = (): (() => void) => () => {};
  random = (): number => 0;
  count = (): void => {};
}

/** As they are at the time of the call. */
function methods(world: World): Pick<AlertPort, 'write' | 'nowMs'> {
  return { write: (call) => world.write(call), nowMs: () => world.nowMs() };
}

/** Final rows of `mean` by minute and host; the watermark stands at the end of the last. */
function batch(...rows: readonly (readonly [number, string, number | null])[]) {
  const last = Math.max(0, ...rows.map(([minute]) => minute));
  const emission: Emission = { final: true, rev: 0, phase: 'live', tables: rows.map(tableOf) };
  const place = { cursor: `cursor of ${last}`, watermark: BigInt(last + 1) * MINUTE, frozenBefore: null, live: LIVE };
  return { ...place, emissions: [emission], first: false, lost: '' };
}

function tableOf([minute, host, v]: readonly [number, string, number | null]): ResultTable {
  return {
    name: 'm',
    tags: [['host', host]],
    columns: ['time', 'mean', 'unit'],
    rows: 1,
    data: [
      { type: 'time', base: BigInt(minute) * MINUTE, offsets: new Float64Array(1) },
      { type: 'float', values: Float64Array.of(v ?? 0), present: v === null ? Uint8Array.of(0) : null },
      { type: 'string', values: Uint32Array.of(0), dictionary: TextDictionary.of(['']), present: Uint8Array.of(0) },
    ],
  };
}

/** Without times of the clock on the wall. */
function plain(series: SavedAlert['series']): unknown {
  return series.map(({ state: { toldMs: _toldMs, ...state }, ...rest }) => ({ ...rest, state }));
}
