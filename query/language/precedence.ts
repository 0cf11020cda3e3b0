/**
 * How tightly each operator binds, and the tree this makes of `operand operator operand …`. All operators are left associative.
 * The parser builds with it, the printer asks it where parentheses are needed.
 */
import type { BinaryOperator, Expression } from './ast.ts';

export interface Operation {
  readonly operator: BinaryOperator;
  readonly operand: Expression;
}

const PRECEDENCE: Readonly<Record<BinaryOperator, number>> = {
  OR: 1,
  AND: 2,
  '=': 3,
  '!=': 3,
  '=~': 3,
  '!~': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '+': 4,
  '-': 4,
  '|': 4,
  '^': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '&': 5,
};

export function precedence(operator: BinaryOperator): number {
  return PRECEDENCE[operator];
}

export function assemble(first: Expression, operations: readonly Operation[]): Expression {
  const operands: Expression[] = [first];
  const pending: BinaryOperator[] = [];
  for (const { operator, operand } of operations) {
    while (pending.length > 0 && precedence(pending.at(-1)!) >= precedence(operator)) reduce(operands, pending);
    pending.push(operator);
    operands.push(needsParentheses(operator, operand) ? { kind: 'parenthesis', inner: operand } : operand);
  }
  while (pending.length > 0) reduce(operands, pending);
  return operands[0]!;
}

// private functions

function reduce(operands: Expression[], pending: BinaryOperator[]): void {
  const right = operands.pop()!;
  const left = operands.pop()!;
  operands.push({ kind: 'binary', operator: pending.pop()!, left, right });
}

/** An operand that is an operation by itself is a signed one, `a * -b` = `a * (-1 * b)`. */
function needsParentheses(operator: BinaryOperator, operand: Expression): boolean {
  return operand.kind === 'binary' && precedence(operand.operator) <= precedence(operator);
}
