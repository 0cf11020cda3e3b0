/**
 * OutputBinder: collects the aggregates, columns and transforms that the outputs of a SELECT need, and binds the outputs to them. All
 * outputs must be met before the first is bound, for the numbers of columns follow those of aggregates, and those of transforms both.
 */
import type { FieldType } from '../../model/index.ts';
import { FUNCTIONS } from '../functions/create.ts';
import { isMath, mathType } from '../functions/math.ts';
import { TRANSFORMS } from '../functions/transform.ts';
import type { Expression } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printExpression, printIdentifier } from '../language/print-expression.ts';
import { unwrap } from '../language/walk.ts';
import { arithmeticType, bindLiteral, typeName } from './bind.ts';
import type { Aggregate, AggregateName, Bound, Derived, PlanColumn, Transform, TransformName } from './plan.ts';
import { isPseudo } from './pseudo-columns.ts';
import { type LookBack, lookingBack, NO_LOOK, windowsOf } from './transforms.ts';
import type { PlanWindow } from './window-grid.ts';

type Call = Expression & { kind: 'call' };

interface Names {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: readonly string[];
}

/** A transform before the numbers of columns and transforms are known. */
interface Met {
  readonly of: 'aggregate' | 'column' | 'transform';
  readonly index: number;
  readonly name: TransformName;
  readonly type: FieldType;
  readonly result: FieldType;
  readonly parameter: bigint;
  readonly rest?: readonly (bigint | string)[];
}

const NS_PER_SECOND = 1_000_000_000n;

export class OutputBinder {
  readonly aggregates: Aggregate[] = [];
  readonly columns: PlanColumn[] = [];
  readonly #met: Met[] = [];
  readonly #names: Names;
  /** Types that fields were cast to, though there may be no such values. */
  readonly #casts = new Map<string, FieldType | 'tag'>();
  readonly #window: PlanWindow | null;
  /** A function that was given a type that it does not take. Told last: types that do not go together come first. */
  #unsupported: string | null = null;

  constructor(names: Names, window: PlanWindow | null, derived: readonly Derived[]) {
    this.#names = names;
    this.#window = window;
    for (const one of derived) if (one.as !== undefined) this.#casts.set(one.name, one.as);
  }

  /** Ask when all outputs are bound. */
  /** How many values of a stage-2 row come before the transforms. */
  get inputs(): number {
    return this.aggregates.length + this.columns.length;
  }

  get transforms(): Transform[] {
    if (this.#unsupported !== null) throw new QueryError('invalid', this.#unsupported);
    const ofRows = this.#met.some(({ of }) => of === 'column');
    if (ofRows && this.aggregates.length > 0) {
      throw new QueryError(
        'invalid',
        'mixing functions of rows with aggregates in one SELECT is not supported: ask twice',
      );
    }
    return this.#met.map(({ of, index, ...transform }) => {
      const input = of === 'aggregate' ? index : of === 'column' ? this.aggregates.length + index : this.inputs + index;
      return { ...transform, input };
    });
  }

  /** Asks for the rows of each window: after all outputs are met, for what a selector carries is found by the first aggregate. */
  meetCount(): void {
    if (!this.aggregates.some(({ name }) => name === 'rows')) {
      this.aggregates.push({ name: 'rows', field: '', type: 'boolean', result: 'integer', parameter: 0 });
    }
  }

  meet(expression: Expression): void {
    const e = unwrap(expression);
    if (isPseudo(e)) return;
    if (e.kind === 'call' && isMath(e.name)) for (const argument of e.args) this.meet(argument);
    else if (e.kind === 'call' && TRANSFORMS.has(e.name)) this.#transform(e);
    else if (e.kind === 'call') this.#aggregate(e);
    else if (e.kind === 'reference') this.#column(e);
    else if (e.kind === 'binary') {
      this.meet(e.left);
      this.meet(e.right);
    }
  }

  bind(expression: Expression): Bound {
    const e = unwrap(expression);
    if (isPseudo(e)) {
      if (e.name !== '_count') return { kind: 'edge', of: e.name === '_start' ? 'start' : 'end', type: 'integer' };
      const index = this.aggregates.findIndex(({ name }) => name === 'rows');
      return { kind: 'column', index, type: 'integer' };
    }
    if (e.kind === 'call' && isMath(e.name)) {
      const args = e.args.map((argument) => this.bind(argument));
      const types = args.map((argument, i) => (this.#isTag(argument) ? 'tag' : typeName(args[i])));
      if (!types.every(isNumeric)) return { kind: 'absent' };
      return { kind: 'call', name: e.name, args, type: mathType(e.name, types[0]!) };
    }
    if (e.kind === 'call' && TRANSFORMS.has(e.name)) {
      const index = this.#transform(e);
      if (index < 0) return { kind: 'absent' };
      return { kind: 'column', index: this.inputs + index, type: this.#met[index].result };
    }
    if (e.kind === 'call') {
      const index = this.#aggregate(e);
      return { kind: 'column', index, type: this.aggregates[index].result };
    }
    if (e.kind === 'reference') {
      const index = this.#column(e);
      if (index < 0) return { kind: 'absent' };
      return { kind: 'column', index: this.aggregates.length + index, type: this.columns[index].type };
    }
    if (e.kind === 'binary') {
      const left = this.bind(e.left);
      const right = this.bind(e.right);
      const text = `${this.#typed(e.left)} ${e.operator} ${this.#typed(e.right)}`;
      const type = arithmeticType(e.operator, this.#asTag(e.left, left), this.#asTag(e.right, right), text);
      return { kind: 'binary', operator: e.operator, left, right, type };
    }
    const literal = bindLiteral(e);
    if (literal === null) throw new QueryError('invalid', `invalid expression in SELECT: ${printExpression(e)}`);
    return literal;
  }

  // private functions

  /** Index of a call among the transforms, where it is put, behind those inside it, if new; −1 = nobody has its field. */
  #transform(call: Call, outer: LookBack = NO_LOOK): number {
    const name = call.name as TransformName;
    const shape = TRANSFORMS.get(name)!;
    const before = lookingBack(outer, name);
    const inner = unwrap(call.args[0]);
    let of: Met['of'] = 'column';
    let index: number;
    let type: FieldType;
    if (inner.kind === 'call') {
      of = TRANSFORMS.has(inner.name) ? 'transform' : 'aggregate';
      index = of === 'transform' ? this.#transform(inner, before) : this.#aggregate(inner, windowsOf(before));
      if (index < 0) return index;
      type = of === 'transform' ? this.#met[index].result : this.aggregates[index].result;
    } else {
      if (inner.kind !== 'reference') throw new QueryError('invalid', `expected field argument in ${name}()`);
      const column = { ...inner, cast: inner.cast ?? ('field' as const) };
      index = this.#column(column);
      if (index < 0) return index;
      type = this.columns[index].type;
    }
    if (!shape.anyType && !isNumeric(type)) {
      this.#unsupported ??= `unsupported ${shape.title} iterator type: *query.${type}InterruptIterator`;
    }
    const parameter = this.#parameterOf(call);
    const result = shape.result === 'same' ? type : shape.result;
    const more = call.args.slice(2).flatMap((e) => (e.kind === 'integer' || e.kind === 'string' ? [e.value] : []));
    const rest = more.length > 0 ? { rest: more } : {};
    const same = (m: Met): boolean =>
      m.name === name &&
      m.of === of &&
      m.index === index &&
      m.parameter === parameter &&
      `${m.rest ?? ''}` === `${more}`;
    const known = this.#met.findIndex(same);
    return known >= 0 ? known : this.#met.push({ of, index, name, type, result, parameter, ...rest }) - 1;
  }

  #parameterOf({ name, args: [, stated] }: Call): bigint {
    if (stated?.kind === 'duration') return stated.ns;
    if (stated?.kind === 'integer') return stated.value;
    if (name.endsWith('derivative')) return this.#window?.interval ?? NS_PER_SECOND;
    return name === 'integral' ? NS_PER_SECOND : 1n;
  }

  /** Index of a tag among the columns, none where it is none; a name that is a field, too, is the tag here. */
  #tagIndex(expression: Expression): number[] {
    if (expression.kind !== 'reference' || !this.#names.tagKeys.includes(expression.name)) return [];
    return [this.#column({ ...expression, cast: 'tag' })];
  }

  /** Index of a call among the aggregates, where it is put if new. */
  #aggregate(call: Call, windowsBefore = 0): number {
    let name = call.name.toLowerCase() as AggregateName;
    let argument = unwrap(call.args[0]);
    if (argument.kind === 'call') {
      name = 'count distinct';
      argument = unwrap(argument.args[0]);
    }
    if (argument.kind !== 'reference') throw new QueryError('invalid', `expected field argument in ${name}()`);
    const field = argument.name;
    const n = call.args.length > 1 ? unwrap(call.args[call.args.length - 1]) : null;
    const numbers = call.args
      .slice(1)
      .flatMap((e) => (e.kind === 'integer' || e.kind === 'number' ? [Number(e.value)] : []));
    const beyond = name === 'percentile_approx' || name === 'histogram';
    const parameter = name === 'rate' ? rateUnit(n) : beyond ? numbers[0] : (numbers.at(-1) ?? 0);
    const rest = beyond && numbers.length > 1 ? { rest: numbers.slice(1) } : {};
    const by = call.args.length > 2 ? call.args.slice(1, -1).flatMap((tag) => this.#tagIndex(tag)) : undefined;
    const before = this.#window === null || windowsBefore === 0 ? {} : { windowsBefore };
    const same = (a: Aggregate): boolean =>
      a.name === name &&
      a.field === field &&
      a.parameter === parameter &&
      `${a.rest ?? ''}` === `${(rest as { rest?: readonly number[] }).rest ?? ''}` &&
      a.windowsBefore === (before as { windowsBefore?: number }).windowsBefore;
    const there = this.aggregates.findIndex(same);
    if (there >= 0) return there;
    const known = this.#names.fields.get(field) ?? 'float';
    const shape = FUNCTIONS.get(name === 'count distinct' ? 'count' : name)!;
    if (!shape.inputs.includes(known)) {
      this.#unsupported ??= `unsupported ${name} iterator type: *query.${known}InterruptIterator`;
    }
    const cast = this.#casts.get(field);
    const type = cast === undefined || cast === 'tag' ? known : cast;
    const result = shape.result === 'same' ? type : shape.result;
    return this.aggregates.push({ name, field, type, result, parameter, ...rest, ...(by && { by }), ...before }) - 1;
  }

  /** Index of a field or tag among the columns, where it is put if new; −1 = nobody has it. */
  #column({ name, cast }: Expression & { kind: 'reference' }): number {
    const fieldType = this.#names.fields.get(name);
    const column = this.#columnOf(name, cast, fieldType);
    if (column === null) return -1;
    const { kind, type } = column;
    const known = this.columns.findIndex((c) => c.kind === kind && c.name === name && c.type === type);
    return known >= 0 ? known : this.columns.push(column) - 1;
  }

  #columnOf(
    name: string,
    cast: (Expression & { kind: 'reference' })['cast'],
    fieldType: FieldType | undefined,
  ): PlanColumn | null {
    if (fieldType !== undefined && cast !== 'tag') {
      const type = cast === null || cast === 'field' ? fieldType : cast;
      return { kind: 'field', name, type };
    }
    if (this.#names.tagKeys.includes(name) && (cast === null || cast === 'tag')) {
      return { kind: 'tag', name, type: 'string' };
    }
    return null;
  }

  #asTag(expression: Expression, bound: Bound): Bound {
    const e = unwrap(expression);
    return e.kind === 'reference' && this.#isTag(bound) ? { kind: 'tag', name: e.name } : bound;
  }

  #isTag(bound: Bound): boolean {
    return bound.kind === 'column' && this.columns[bound.index - this.aggregates.length]?.kind === 'tag';
  }

  /** As messages about types show it: every name with the type it has here. */
  #typed(e: Expression): string {
    switch (e.kind) {
      case 'parenthesis':
        return `(${this.#typed(e.inner)})`;
      case 'binary':
        return `${this.#typed(e.left)} ${e.operator} ${this.#typed(e.right)}`;
      case 'call':
        return `${e.name}(${e.args.map((argument) => this.#typed(argument)).join(', ')})`;
      case 'number':
        return Object.is(e.value, -0) ? '-0.000' : e.value.toFixed(3);
      case 'reference': {
        const tag = !this.#names.fields.has(e.name) && this.#names.tagKeys.includes(e.name);
        if (this.#casts.has(e.name)) return e.name;
        const stated = e.cast === 'field' ? null : e.cast;
        const type = stated ?? (tag ? 'tag' : this.#names.fields.get(e.name)) ?? e.cast ?? undefined;
        return printIdentifier(e.name) + (type === undefined ? '' : `::${type}`);
      }
      default:
        return printExpression(e);
    }
  }
}

// private functions

function rateUnit(unit: Expression | null): number {
  return Number(unit?.kind === 'duration' ? unit.ns : NS_PER_SECOND);
}

function isNumeric(type: string | null): type is 'float' | 'integer' | 'unsigned' {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}
