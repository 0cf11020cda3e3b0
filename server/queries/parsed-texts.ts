/**
 * Texts that were parsed lately, with their statements: a dashboard asks the same few again and again, and parsing costs more than
 * many an answer. Statements are never changed, so they can be shared. Holds the texts used last, within a number and a length.
 */
import { parse, type Statement } from '../../query/index.ts';

/** Texts kept: the panels of some dozens of dashboards. */
const TEXTS_MAX = 512;
/** Longer texts are written by programs, each once; keeping them would only cost memory. */
const TEXT_LENGTH_MAX = 4096;

export class ParsedTexts {
  /** In the order of their last use. */
  readonly #kept = new Map<string, readonly Statement[]>();

  /** Throws QueryError; texts that cannot be parsed are not kept. */
  statements(text: string): readonly Statement[] {
    const known = this.#kept.get(text);
    if (known !== undefined) this.#kept.delete(text);
    const statements = known ?? parse(text);
    if (text.length > TEXT_LENGTH_MAX) return statements;
    this.#kept.set(text, statements);
    if (this.#kept.size > TEXTS_MAX) this.#kept.delete(this.#kept.keys().next().value!);
    return statements;
  }
}
