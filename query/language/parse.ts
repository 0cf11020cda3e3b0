/** Query text → statements. */
import type { Statement } from './ast.ts';

export type Parameters = Readonly<Record<string, unknown>>;

export function parse(_text: string, _params: Parameters = {}): Statement[] {
  throw new Error('not written');
}
