import { expect } from 'chai';
import { openLog } from '../../../../server/telemetry/index.ts';

describe('log', () => {
  function open(level: 'error' | 'warn' | 'info' | 'debug'): { lines: string[]; log: ReturnType<typeof openLog> } {
    const lines: string[] = [];
    return { lines, log: openLog({ level, write: (line) => void lines.push(line), now: () => 0 }) };
  }

  it('writes one JSON object a line', () => {
    const { lines, log } = open('info');
    log.info('listening', { port: 8086, at: 5n, text: 'a\nb' });
    expect(lines).to.deep.equal([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"listening","port":8086,"at":"5","text":"a\\nb"}\n',
    ]);
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = open('warn');
    log.error('1');
    log.warn('2');
    log.info('3');
    log.debug('4');
    expect(lines.map((line) => JSON.parse(line).message)).to.deep.equal(['1', '2']);
  });

  it('adds the fields of its parents', () => {
    const { lines, log } = open('debug');
    log.with({ thread: 1 }).with({ shard: 2 }).debug('here', { shard: 3, level: 'forged', message: 'forged' });
    expect(JSON.parse(lines[0])).to.deep.equal({
      time: '1970-01-01T00:00:00.000Z',
      level: 'debug',
      message: 'here',
      thread: 1,
      shard: 3,
    });
  });

  it('writes errors with code, stack and cause', () => {
    const { lines, log } = open('error');
    const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'gone' });
    log.error('failed', { error });
    const written = JSON.parse(lines[0]).error;
    expect(written).to.include({ name: 'Error', message: 'outer', code: 'gone' });
    expect(written.stack).to.contain('log.test.ts');
    expect(written.cause.message).to.equal('inner');
  });

  it('never throws and never writes a huge line', () => {
    const { lines, log } = open('error');
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    log.error('circle', { circle });
    log.error('x'.repeat(100_000), { body: 'y'.repeat(100_000) });
    expect(JSON.parse(lines[0])).to.include({ message: 'circle' });
    expect(lines[1].length).to.be.lessThan(17_000);
    expect(JSON.parse(lines[1]).truncated).to.be.greaterThan(200_000);
  });
});
