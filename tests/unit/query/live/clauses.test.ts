/**
 * WATERMARK, LATENESS and EMIT: what they change of a live query's time rules, and what is refused; all lists of EMIT as the
 * documentation has them.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse, type SelectStatement } from '../../../../query/index.ts';
import { timeRules } from '../../../../query/runtime/live/live-clauses.ts';
import { DEFAULT_RULES, type TimeRules } from '../../../../query/runtime/live/watermark.ts';

const SECOND = 1_000_000_000n;
const DOCUMENT = new URL('../../../../docs/query-language.md', import.meta.url);

describe('live clauses', () => {
  it('leave the defaults where they say nothing', () => {
    expect(rules('')).to.deep.equal(DEFAULT_RULES);
    expect(rules('WATERMARK DELAY 0s')).to.deep.equal(DEFAULT_RULES);
    expect(rules('EMIT EVERY 1s ON CHANGE, ON CLOSE, ON LATE')).to.deep.equal(DEFAULT_RULES);
  });

  it('set delay, idle, ahead, lateness and the pace', () => {
    expect(rules('WATERMARK DELAY 2s IDLE 3s AHEAD 4s')).to.deep.equal({
      ...DEFAULT_RULES,
      delay: 2n * SECOND,
      idle: 3n * SECOND,
      ahead: 4n * SECOND,
    });
    expect(rules('WATERMARK PER SERIES')).to.deep.equal({ ...DEFAULT_RULES, perSeries: true });
    expect(rules('LATENESS 5m').lateness).to.equal(300n * SECOND);
    expect(rules('LATENESS 5m UPDATE').lateness).to.equal(300n * SECOND);
    expect(rules('EMIT ON LATE, ON CLOSE, EVERY 100ms ON CHANGE').emitEvery).to.equal(SECOND / 10n);
    expect(rules('EMIT ON CLOSE, ON LATE, ON UPDATE').emitEvery).to.equal(SECOND / 5n);
    expect(rules('EMIT ON CLOSE, ON LATE, ON UPDATE BATCH 3s').emitEvery).to.equal(3n * SECOND);
  });

  it('leave out rows of open windows, and revisions', () => {
    expect(rules('EMIT ON LATE, ON CLOSE')).to.deep.equal({ ...DEFAULT_RULES, finalOnly: true });
    const once = { ...DEFAULT_RULES, finalOnly: true, sendsOnce: true, lateness: 0n };
    expect(rules('EMIT ON CLOSE')).to.deep.equal(once);
    expect(rules('WATERMARK DELAY 1s LATENESS 5m EMIT FINAL')).to.deep.equal({ ...once, delay: 301n * SECOND });
  });

  it('EMIT sends what the documentation says of every list, in any order', () => {
    const told = documented();
    const parts = ['ON UPDATE', 'EVERY 1s ON CHANGE', 'EVERY 10s', 'EVERY 100 ROWS', 'ON CLOSE', 'ON LATE', 'FINAL'];
    for (let some = 1; some < 2 ** parts.length; some++) {
      const list = parts.filter((_, i) => (some >> i) & 1);
      const key = list.join(', ');
      const meant = told.get(key) ?? (list.includes('FINAL') ? 'refused' : 'not documented');
      for (const order of [list, list.toReversed()]) {
        expect(sends(`EMIT ${order.join(', ')}`), order.join(', ')).to.equal(meant);
      }
    }
    expect(told.size, 'documented lists').to.equal(16 * 4 - 1 + 4);
  });

  it('are refused where they ask for what is not kept, or say nothing', () => {
    expect(() => rules('LATENESS 1m INTO x EMIT ON CLOSE')).to.throw('LATENESS with INTO');
    expect(() => rules('LATENESS 1m INTO x EMIT FINAL')).to.throw('LATENESS with INTO');
    expect(rules('LATENESS 1m INTO x')).to.include({ keepsLate: true, lateness: 60_000_000_000n });
    const refused = {
      'ON CLOSE, ON CLOSE': 'EMIT says twice when closed windows are sent, by ON CLOSE and ON CLOSE',
      'ON UPDATE, EVERY 1s ON CHANGE': 'EMIT says twice when changes are sent, by ON UPDATE and EVERY 1s ON CHANGE',
      'EVERY 1s, EVERY 2s, ON CLOSE': 'EMIT says twice when all open rows are sent',
      'ON LATE': 'nothing says when they are sent first: add ON CLOSE',
      'FINAL, FINAL': 'EMIT says FINAL twice',
      'FINAL, ON CLOSE': 'and ON CLOSE sends it before',
      'EVERY 0s': 'expected a duration above zero',
      'EVERY 0 ROWS': 'expected a number above zero',
    };
    for (const [list, message] of Object.entries(refused)) expect(() => rules(`EMIT ${list}`), list).to.throw(message);
    expect(() => rules('LATENESS 1m EMIT ON CLOSE')).to.throw('EMIT without ON LATE never tells of them: add ON LATE');
    expect(rules('LATENESS 0s EMIT ON CLOSE').lateness).to.equal(0n);
    expect(() => rules('LATENESS 0s RECOMPUTE EMIT ON CLOSE')).to.throw('add ON LATE');
    expect(() => rules('LATENESS 0s RECOMPUTE EMIT FINAL')).to.throw('EMIT FINAL sends each once');
  });
});

// private functions

function rules(clauses: string): TimeRules {
  return timeRules(parse(`SELECT mean(v) FROM m GROUP BY time(1m) ${clauses}`)[0] as SelectStatement);
}

function sends(clauses: string): string {
  try {
    const { finalOnly, closesSilently, sendsOnce } = rules(clauses);
    return [finalOnly ? '' : 'open', closesSilently ? '' : 'final', sendsOnce ? '' : 'again']
      .filter((one) => one !== '')
      .join(', ');
  } catch {
    return 'refused';
  }
}

/** By list of EMIT, as this test makes them: what the table of the documentation says. */
function documented(): Map<string, string> {
  const told = new Map<string, string>();
  const lines = readFileSync(DOCUMENT, 'utf8').split('\n');
  const at = lines.findIndex((line) => line.startsWith('| `EMIT` |'));
  const [, ...columns] = cellsOf(lines[at]);
  for (const line of lines.slice(at + 2, lines.indexOf('', at))) {
    const [head, ...cells] = cellsOf(line);
    for (const [i, cell] of cells.entries()) {
      const closing = columns[i].replace(/and (nothing)?/, '');
      const list = (head === 'FINAL' ? [closing, head] : [head.replace('nothing', ''), closing]).filter((one) => one);
      if (list.length > 0) told.set(list.join(', '), cell);
    }
  }
  return told;
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.replaceAll('`', '').trim());
}
