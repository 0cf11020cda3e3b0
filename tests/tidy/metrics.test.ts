/** The table of metrics promises nothing that nobody counts. */
import { expect } from 'chai';
import { METRICS } from '../../server/telemetry/index.ts';
import { sourceFiles } from './support.ts';

describe('metrics', () => {
  it('are all counted somewhere', () => {
    const code = sourceFiles(['server']).filter((file) => !file.path.endsWith('telemetry/catalog.ts'));
    const silent = Object.keys(METRICS).filter((name) => !code.some(({ text }) => text.includes(`'${name}'`)));
    expect(silent).to.deep.equal([]);
  });
});
