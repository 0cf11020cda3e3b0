/**
 * Constant folding, as InfluxDB reduces the fields of a SELECT before it looks at them: arithmetic on two literals becomes a literal,
 * parentheses around anything but arithmetic go. Whole numbers stay whole except in a division; a division by zero is 0.
 */
import type { BinaryOperator, Expression } from '../language/ast.ts';
import { transform } from '../language/walk.ts';

export function foldConstants(expression: Expression): Expression {
  return transform(expression, (e) => {
    if (e.kind === 'parenthesis') return e.inner.kind === 'binary' ? e : e.inner;
    if (e.kind !== 'binary') return e;
    const { operator, left, right } = e;
    if (left.kind === 'integer' && right.kind === 'integer') return ofIntegers(operator, left.value, right.value) ?? e;
    if (left.kind === 'boolean' && right.kind === 'boolean') return ofTruths(operator, left.value, right.value) ?? e;
    const [a, b] = [numberOf(left), numberOf(right)];
    return a === null || b === null ? e : (ofNumbers(operator, a, b) ?? e);
  });
}

// private functions

function ofIntegers(operator: BinaryOperator, a: bigint, b: bigint): Expression | null {
  const whole = (value: bigint): Expression => ({ kind: 'integer', value: BigInt.asIntN(64, value) });
  switch (operator) {
    case '+':
      return whole(a + b);
    case '-':
      return whole(a - b);
    case '*':
      return whole(a * b);
    case '/':
      return { kind: 'number', value: b === 0n ? 0 : Number(a) / Number(b) };
    case '%':
      return whole(b === 0n ? 0n : a % b);
    case '&':
      return whole(a & b);
    case '|':
      return whole(a | b);
    case '^':
      return whole(a ^ b);
    default:
      return null;
  }
}

function ofTruths(operator: BinaryOperator, a: boolean, b: boolean): Expression | null {
  const truth = (value: boolean): Expression => ({ kind: 'boolean', value });
  if (operator === '&') return truth(a && b);
  if (operator === '|') return truth(a || b);
  return operator === '^' ? truth(a !== b) : null;
}

function ofNumbers(operator: BinaryOperator, a: number, b: number): Expression | null {
  const number = (value: number): Expression => ({ kind: 'number', value });
  switch (operator) {
    case '+':
      return number(a + b);
    case '-':
      return number(a - b);
    case '*':
      return number(a * b);
    case '/':
      return number(b === 0 ? 0 : a / b);
    case '%':
      return number(a % b);
    default:
      return null;
  }
}

function numberOf(e: Expression): number | null {
  return e.kind === 'integer' || e.kind === 'number' ? Number(e.value) : null;
}
