/** Statements → canonical text. */
import type { Expression, Statement } from './ast.ts';

export function print(_statement: Statement): string {
  throw new Error('not written');
}

export function printExpression(_expression: Expression): string {
  throw new Error('not written');
}

export function printDuration(_ns: bigint): string {
  throw new Error('not written');
}

export function printIdentifier(_name: string): string {
  throw new Error('not written');
}
