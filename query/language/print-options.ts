/** `WITH (key = value, …)` → canonical text. Secrets become `[REDACTED]`. */
import type { StatementOption } from './ast.ts';
import { printExpression, printIdentifier } from './print-expression.ts';

/** What stands for a password, as in InfluxDB; it does not parse, so nobody sets it by mistake. */
export const REDACTED = '[REDACTED]';
/** Options whose values are nobody's business. */
const SECRET_KEY = /secret|password|token/i;

export function printOptions(options: readonly StatementOption[] = []): string {
  if (options.length === 0) return '';
  const texts = options.map(({ key, value }) => {
    return `${printIdentifier(key)} = ${SECRET_KEY.test(key) ? REDACTED : printExpression(value)}`;
  });
  return ` WITH (${texts.join(', ')})`;
}
