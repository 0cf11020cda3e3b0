/**
 * The series that a live query has named: rows that come with a series' number become rows of that series again, so that whoever takes
 * them need not know of numbers.
 */
import type { FrameSeries, FrameValue, RowsFrame, ServerFrame } from '../protocol/index.ts';
import { MillraceError } from './errors.ts';

type Named = Omit<FrameSeries, 'values'>;

export class SeriesNames {
  #named: Named[] = [];

  clear(): void {
    this.#named = [];
  }

  learn({ from, series }: Extract<ServerFrame, { op: 'series' }>): void {
    series.forEach((one, i) => {
      this.#named[from + i] = one;
    });
  }

  /** The same frame with all of its rows under their series. Throws MillraceError `bad frame` for a number that was never given. */
  resolve(frame: RowsFrame): RowsFrame {
    const { refs = [], ...rest } = frame;
    const series = frame.series.map(({ ref, ...one }) => {
      if (ref !== undefined) {
        const { values: _, ...named } = one;
        this.#named[ref] = named;
      }
      return one;
    });
    let last = -1;
    let values: FrameValue[][] = [];
    for (const [ref, ...row] of refs) {
      if (ref !== last) {
        const named = this.#named[ref];
        if (named === undefined) throw new MillraceError('bad frame', `a row of series ${ref}, which was never named`);
        series.push({ ...named, values: (values = []) });
        last = ref;
      }
      values.push(row);
    }
    return { ...rest, series };
  }
}
