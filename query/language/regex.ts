/**
 * The only door to regular expressions that users write: RE2 syntax, matched in time linear in the text, so that no
 * pattern can stall a thread. Plans carry patterns as text; whoever tests with one compiles it here, once, not per row.
 * Does not cache.
 */
import { RE2JS } from 're2js';
import { parseError } from './errors.ts';

/** Compiled programs grow with the pattern (and with `{n}`); 512 bytes is far more than dashboards send. */
export const REGEX_BYTES_MAX = 512;

export interface Regex {
  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean;
}

export function compileRegex(pattern: string): Regex {
  if (utf8Length(pattern) > REGEX_BYTES_MAX) {
    throw parseError(`regex is longer than ${REGEX_BYTES_MAX} bytes`);
  }
  try {
    const compiled = RE2JS.compile(pattern);
    return { test: (text) => compiled.test(text) };
  } catch (cause) {
    throw parseError(regexProblem(pattern, cause));
  }
}

// private functions

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function regexProblem(pattern: string, cause: unknown): string {
  const text = cause instanceof Error ? cause.message : '';
  if (text.endsWith('trailing backslash at end of expression')) return `${text}: \`\``;
  return text.startsWith('error parsing regexp') ? text : `error parsing regexp: cannot compile \`${pattern}\``;
}
