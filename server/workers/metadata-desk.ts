/** What is said of measurements and series, read and written outside of statements. Main thread. */
import { QueryError } from '../../query/index.ts';
import type { Gate } from '../access/index.ts';
import { type Catalogue, type DescribedThing, describe, describedIn, seriesOfKey } from '../catalogue/index.ts';
import { EngineError, type MetadataRequest, type SaidOf } from '../sessions/index.ts';
import { asEngineError } from './engine-errors.ts';

export class MetadataDesk {
  readonly #catalogue: Catalogue;
  readonly #gate: Gate;

  constructor(catalogue: Catalogue, gate: Gate) {
    this.#catalogue = catalogue;
    this.#gate = gate;
  }

  /** Rejects with EngineError. */
  async read({ user, database, measurement, series }: MetadataRequest): Promise<readonly SaidOf[]> {
    this.#known(database);
    return told(() => {
      this.#gate.assertRead(user, database);
      const key = series === null ? null : seriesOfKey(series);
      const all = describedIn(this.#catalogue.documents, database, measurement);
      return all.filter((one) => key === null || one.series === key);
    });
  }

  /** In the place of what was said before. Rejects with EngineError. */
  async write(request: MetadataRequest, said: unknown): Promise<void> {
    const { user, database, measurement, series } = request;
    this.#known(database);
    await told(() => {
      this.#gate.assertWrite(user, database);
      if (typeof said !== 'object' || said === null || Array.isArray(said)) {
        throw new QueryError('invalid', 'expected a JSON object with unit, description or metadata');
      }
      const thing: DescribedThing = {
        measurement: measurement ?? '',
        series: series === null ? null : seriesOfKey(series),
      };
      return this.#catalogue.change(() => describe(database, thing, said));
    });
  }

  // private functions

  #known(database: string): void {
    if (!this.#catalogue.has(database)) {
      throw new EngineError('database not found', `database not found: ${database}`);
    }
  }
}

// private functions

async function told<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asEngineError(error);
  }
}
