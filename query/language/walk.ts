/**
 * Small helpers to visit and rewrite expressions; used by the planner. Expressions are
 * never changed in place: `transform` returns the same object wherever nothing below it changed.
 */
import type { Expression } from './ast.ts';

/** Calls `visit` for the expression and everything below it, parents first; a `false` from it skips what is below. */
export function walk(expression: Expression, visit: (expression: Expression) => boolean | undefined): void {
  if (visit(expression) === false) return;
  for (const child of children(expression)) walk(child, visit);
}

/** Whether it is a call, or has one in it. */
export function hasCall(expression: Expression): boolean {
  return expression.kind === 'call' || children(expression).some(hasCall);
}

/** Rewrites from the leaves up: `change` sees every node with its children already rewritten. */
export function transform(expression: Expression, change: (expression: Expression) => Expression): Expression {
  switch (expression.kind) {
    case 'binary': {
      const left = transform(expression.left, change);
      const right = transform(expression.right, change);
      const same = left === expression.left && right === expression.right;
      return change(same ? expression : { ...expression, left, right });
    }
    case 'parenthesis': {
      const inner = transform(expression.inner, change);
      return change(inner === expression.inner ? expression : { ...expression, inner });
    }
    case 'call': {
      const args = expression.args.map((argument) => transform(argument, change));
      const same = args.every((argument, index) => argument === expression.args[index]);
      return change(same ? expression : { ...expression, args });
    }
    default:
      return change(expression);
  }
}

export function children(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'binary':
      return [expression.left, expression.right];
    case 'parenthesis':
      return [expression.inner];
    case 'call':
      return expression.args;
    default:
      return [];
  }
}

/** The expression without the parentheses around it. */
export function unwrap(expression: Expression): Expression {
  while (expression.kind === 'parenthesis') expression = expression.inner;
  return expression;
}
