/**
 * Names and texts as the query language has them, so that what a user has typed stays what it is in a query. Escapes are those of
 * InfluxQL (`QuoteIdent`, `QuoteString`): backslashes, the quotes themselves, and ends of lines.
 */

/** A measurement, field, tag, database or other name: `"my name"`. */
export function quoteName(name: string): string {
  return quoted(name, '"');
}

/** The value of a tag, or any other text: `'it\'s'`. */
export function quoteText(text: string): string {
  return quoted(text, "'");
}

// private functions

function quoted(text: string, quote: '"' | "'"): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\n', '\\n');
  return quote + escaped + quote;
}
