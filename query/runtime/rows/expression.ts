/**
 * Values of bound expressions, one row at a time: outputs over results, and those conditions that have no columnar form. Integers
 * are exact and wrap at 64 bits; integer division gives floats; dividing by zero gives 0; an absent operand gives no value, except
 * to the bits of a boolean, where it counts as false. NaN goes on through the expression; as its result it is no value.
 */
import type { Value } from '../../../model/index.ts';
import { computeMath } from '../../functions/math.ts';
import type { BinaryOperator } from '../../language/ast.ts';
import { compileRegex } from '../../language/regex.ts';
import type { Bound } from '../../planner/plan.ts';

/** Reads a field, tag or column leaf of the row in question. */
export type LeafReader = (leaf: Bound) => Value;

/** A function that computes the expression for the row that `read` stands on. Regexes are compiled here, once. */
export function compileExpression(bound: Bound, read: LeafReader): () => Value {
  const compute = compile(bound, read);
  if ((bound.kind !== 'binary' && bound.kind !== 'call') || bound.type !== 'float') return compute;
  return () => numberOrNull(compute());
}

/** `=` `!=` `<` `<=` `>` `>=` of two values that are there. */
export function compares(operator: BinaryOperator, a: NonNullable<Value>, b: NonNullable<Value>): boolean {
  switch (operator) {
    case '=':
      // biome-ignore lint/suspicious/noDoubleEquals: a bigint equals the same number
      return a == b;
    case '!=':
      // biome-ignore lint/suspicious/noDoubleEquals: as above
      return a != b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    default:
      return a >= b;
  }
}

// private functions

function compile(bound: Bound, read: LeafReader): () => Value {
  switch (bound.kind) {
    case 'literal': {
      const { value } = bound;
      return () => value;
    }
    case 'absent':
    case 'regex':
      return () => null;
    case 'binary':
      return compileBinary(bound, read);
    case 'call': {
      const { name, type } = bound;
      const args = bound.args.map((argument) => compile(argument, read));
      return () =>
        computeMath(
          name,
          type,
          args.map((argument) => argument()),
        );
    }
    default:
      return () => read(bound);
  }
}

function compileBinary(bound: Bound & { kind: 'binary' }, read: LeafReader): () => Value {
  const { operator, type } = bound;
  if (type === null) return () => null;
  const left = compile(bound.left, read);
  if (operator === '=~' || operator === '!~') {
    const regex = compileRegex(bound.right.kind === 'regex' ? bound.right.pattern : '');
    return () => {
      const text = left();
      return text !== null && regex.test(String(text)) === (operator === '=~');
    };
  }
  const right = compile(bound.right, read);
  if (operator === 'AND') return () => left() === true && right() === true;
  if (operator === 'OR') return () => left() === true || right() === true;
  if (type === 'boolean' && (operator === '&' || operator === '|' || operator === '^')) {
    return () => bits(operator, left(), right());
  }
  if (type === 'boolean') {
    return () => {
      const a = left();
      const b = right();
      return a !== null && b !== null && compares(operator, a, b);
    };
  }
  const compute = type === 'float' ? floats : integers;
  const unsigned = type === 'unsigned';
  return () => {
    const a = left() as number | bigint | null;
    const b = right() as number | bigint | null;
    return a === null || b === null ? null : compute(operator, a, b, unsigned);
  };
}

/** Of two booleans, one of which may be absent; another type makes it false. */
function bits(operator: BinaryOperator, left: Value, right: Value): Value {
  if (left === null && typeof right !== 'boolean') return null;
  const [a, b] = [left ?? false, right ?? false];
  if (typeof b !== 'boolean') return false;
  if (operator === '&') return a === true && b === true;
  return operator === '|' ? a === true || b === true : a !== b;
}

function floats(operator: BinaryOperator, left: number | bigint, right: number | bigint): Value {
  const a = Number(left);
  const b = Number(right);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? 0 : a / b;
    default:
      return a % b;
  }
}

function numberOrNull(x: Value): Value {
  return Number.isNaN(x) ? null : x;
}

function integers(operator: BinaryOperator, a: number | bigint, b: number | bigint, unsigned: boolean): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    const quick = operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : null;
    if (quick !== null && Number.isSafeInteger(quick) && !(unsigned && quick < 0)) return quick + 0;
    if (operator === '%') return b === 0 ? 0 : (a % b) + 0;
  }
  const wide = wideIntegers(operator, BigInt(a), BigInt(b));
  const wrapped = unsigned ? BigInt.asUintN(64, wide) : BigInt.asIntN(64, wide);
  return Number.isSafeInteger(Number(wrapped)) ? Number(wrapped) : wrapped;
}

function wideIntegers(operator: BinaryOperator, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? 0n : a / b;
    case '%':
      return b === 0n ? 0n : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    default:
      return a ^ b;
  }
}
