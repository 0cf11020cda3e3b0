/**
 * Golden scripts of the language: `language/*.txt` hold queries and, below each, its canonical text or its error. They are written
 * to be read by users; `⏎` in a query stands for a line break. `GOLDEN=update` rewrites them, and the difference is reviewed.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse, print, QueryError } from '../../query/language/index.ts';

const FOLDER = new URL('./language/', import.meta.url);

describe('language, golden scripts', () => {
  for (const file of readdirSync(FOLDER)) {
    const path = new URL(file, FOLDER);
    const [head, ...cases] = readFileSync(path, 'utf8').split('\n> ');
    const answered = cases.map((text) => {
      const query = text.split('\n')[0]!;
      return { query, expected: text.trimEnd(), actual: query + '\n' + answer(query.replaceAll('⏎', '\n')) };
    });
    if (process.env['GOLDEN'] === 'update') {
      writeFileSync(path, head + answered.map((one) => '\n> ' + one.actual + '\n').join(''));
      continue;
    }
    for (const { query, expected, actual } of answered) {
      it(`${file}: ${query}`, () => expect(actual).to.equal(expected));
    }
  }
});

// private functions

function answer(query: string): string {
  try {
    const text = parse(query).map(print).join('\n');
    if (text.includes('[REDACTED]')) return text;
    expect(parse(text.replaceAll('\n', ';')).map(print).join('\n'), 'canonical text is stable').to.equal(text);
    return text;
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return `${error.code} at ${error.at ?? '-'}: ${error.message}`;
  }
}
