/** What the golden scripts cannot show of a plan: bounds, windows, matchers, merged schemas. */
import { expect } from 'chai';
import type { MeasurementSchema } from '../../../../model/index.ts';
import {
  matchesName,
  measurementMatchers,
  measurementsOf,
  mergeSchemas,
  type Plan,
  parse,
  planSelect,
  type SelectStatement,
  windowOf,
  windowStart,
} from '../../../../query/index.ts';

const NOW = 1_577_836_800_000_000_000n;
const SCHEMA: MeasurementSchema = { name: 'm', fields: new Map([['v', 'float']]), tagKeys: ['host'] };

describe('query/planner: planSelect', () => {
  it('says where bounds come from', () => {
    const { bounds } = plan('SELECT mean(v) FROM m WHERE time > now() - 1h GROUP BY time(1m)');
    expect(bounds).to.deep.equal({
      min: NOW - 3_600_000_000_000n + 1n,
      max: NOW,
      minStated: true,
      maxStated: false,
      minFromNow: true,
      maxFromNow: true,
    });
    expect(plan('SELECT v FROM m WHERE time < 5').bounds).to.include({ max: 4n, maxStated: true, maxFromNow: false });
    expect(plan('SELECT v FROM m').bounds).to.include({ minStated: false, maxStated: false, maxFromNow: false });
  });

  it('numbers windows exactly for narrow, wide and shifted intervals', () => {
    for (const [text, time] of [
      ['1ns', NOW - 3n],
      ['100ns', NOW + 250n],
      ['1m, 20s', NOW + 7n],
      ['5m, -90s', -1n],
      ['52w', NOW],
    ] as const) {
      const p = plan(`SELECT mean(v) FROM m WHERE time > now() - 1h GROUP BY time(${text})`);
      const start = windowStart(p, windowOf(p, time));
      expect(start <= time && time < start + p.window!.interval, text).to.equal(true);
    }
  });

  it('has no sources where nothing matches', () => {
    expect(plan('SELECT v FROM nowhere').sources).to.deep.equal([]);
    expect(plan('SELECT host FROM m').sources).to.deep.equal([]);
  });

  it('is plain data', () => {
    const p = plan('SELECT mean(v) + 1 FROM m WHERE host =~ /a/ AND v > 1 GROUP BY time(1m), * fill(linear)');
    expect(structuredClone(p)).to.deep.equal(p);
  });

  it('tells which measurements a statement needs', () => {
    const [statement] = parse('SELECT v FROM "x"."y".m, /^c/') as SelectStatement[];
    const matchers = measurementMatchers(measurementsOf(statement), {
      database: 'db',
      defaultRetentionPolicy: 'autogen',
    });
    expect(matchers).to.deep.equal([
      { database: 'x', retentionPolicy: 'y', name: { text: 'm' } },
      { database: 'db', retentionPolicy: 'autogen', name: { regex: '^c' } },
    ]);
    expect(['cpu', 'mem'].map(matchesName(matchers[1].name))).to.deep.equal([true, false]);
  });

  it('merges what shards know of a measurement', () => {
    const other: MeasurementSchema = { name: 'm', fields: new Map([['w', 'string']]), tagKeys: ['dc'] };
    const [merged, ...rest] = mergeSchemas([[SCHEMA], [other]]);
    expect(rest).to.deep.equal([]);
    expect([...merged.fields]).to.deep.equal([
      ['v', 'float'],
      ['w', 'string'],
    ]);
    expect(merged.tagKeys).to.deep.equal(['dc', 'host']);
  });
});

// private functions

function plan(text: string): Plan {
  const [statement] = parse(text);
  return planSelect(statement as SelectStatement, {
    database: 'db',
    defaultRetentionPolicy: 'autogen',
    now: NOW,
    schemas: (_database, _policy, wanted) => [SCHEMA].filter(({ name }) => wanted(name)),
  });
}
