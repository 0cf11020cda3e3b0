/** Processor time of short pieces of work, most of which are timed by the clock alone. */
import { expect } from 'chai';
import { SampledCpu } from '../../../../server/queries/sampled-cpu.ts';

describe('processor time by samples', () => {
  /** Works for `ms` of the clock each time, with the processor for a share of it. */
  function measured(
    pieces: number,
    ms: (i: number) => number,
    share: number,
  ): { said: number; spent: number; looks: number } {
    let [now, cpu, said, looks] = [0, 0, 0, 0];
    const sampled = new SampledCpu(
      () => now,
      () => {
        looks++;
        return cpu;
      },
    );
    for (let i = 0; i < pieces; i++) {
      sampled.begin();
      now += ms(i);
      cpu += ms(i) * share;
      said += sampled.end();
      now += 3;
      cpu += 1;
    }
    return { said, spent: cpu - pieces, looks };
  }

  it('is that of a thread that shares its processor, though it is seldom asked for', () => {
    const { said, spent, looks } = measured(10_000, (i) => 0.1 + (i % 7), 0.4);
    expect(said).to.be.closeTo(spent, spent / 1000);
    expect(looks).to.be.below(2_000);
  });

  it('asks about all of two kinds of work that take turns', () => {
    let [now, cpu, said] = [0, 0, 0];
    const sampled = new SampledCpu(
      () => now,
      () => cpu,
    );
    for (let i = 0; i < 20_000; i++) {
      sampled.begin();
      now += 1;
      cpu += i % 2 === 0 ? 1 : 0.2;
      said += sampled.end();
    }
    expect(said).to.be.closeTo(cpu, cpu / 20);
  });

  it('is time by the clock where Node does not tell', () => {
    let now = 0;
    const sampled = new SampledCpu(
      () => now,
      () => 0,
    );
    sampled.begin();
    now += 5;
    expect(sampled.end()).to.equal(5);
  });
});
