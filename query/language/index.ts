/** Door of the language: text ↔ statements, their types, the error of query/ and the user's regexes. */
export type * from './ast.ts';
export type { Parameters } from './bound.ts';
export { parseError, QueryError, type QueryErrorCode } from './errors.ts';
export { EXPRESSION_DEPTH_MAX, NESTING_MAX, parse, QUERY_LENGTH_MAX, TOKENS_MAX } from './parse.ts';
export { print } from './print.ts';
export { printDuration, printExpression, printIdentifier } from './print-expression.ts';
export { redactPasswords } from './redact.ts';
export { compileRegex, REGEX_BYTES_MAX, type Regex } from './regex.ts';
export { SHAPES_MAX, ShapeParser } from './shapes.ts';
export { children, transform, unwrap, walk } from './walk.ts';
