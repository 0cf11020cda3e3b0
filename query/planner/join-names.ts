/**
 * What the columns of a join are called. A side is called by its alias, else by its measurement; its column `usage` is `a.usage`. The
 * tags of ON have one name for both sides. A name without its side means the column of the one side that has it; where both have it,
 * the statement has to say which. A join that is itself a side has no name of its own: its columns keep theirs.
 */
import type { FieldType } from '../../model/index.ts';
import type { Expression } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printIdentifier } from '../language/print-expression.ts';
import { walk } from '../language/walk.ts';

export interface Names {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: readonly string[];
}

/** What a side has. `whole`: the names that `*` stands for; `known`: those that may be said besides, too. */
export interface SideNames {
  /** null = a join. */
  readonly name: string | null;
  readonly whole: Names;
  readonly known: Names;
}

/** A column of a side, or a tag of ON, which both have. */
export type Place =
  | { readonly side: 0 | 1; readonly kind: 'field' | 'tag'; readonly column: string }
  | { readonly side: 'both'; readonly kind: 'tag'; readonly column: string };

export class JoinNames {
  /** What `*` stands for. */
  readonly whole: Names;
  /** Everything that may be said. */
  readonly known: Names;
  readonly #fields = new Map<string, Place>();
  readonly #tags = new Map<string, Place>();
  readonly #sides: readonly [SideNames, SideNames];
  readonly #keys: readonly string[];

  constructor(sides: readonly [SideNames, SideNames], keys: readonly string[]) {
    const [left, right] = sides;
    if (left.name !== null && left.name === right.name) {
      throw new QueryError('invalid', `both sides of the join are called ${quoted(left.name)}: name them with AS`);
    }
    this.#sides = sides;
    this.#keys = keys;
    const fields = new Map<string, FieldType>();
    const types = new Map<string, FieldType>();
    for (const key of keys) this.#tags.set(key, { side: 'both', kind: 'tag', column: key });
    for (const side of [0, 1] as const) {
      const { name, whole } = sides[side];
      for (const [column, type] of whole.fields) {
        fields.set(said(name, column), type);
        this.#fields.set(said(name, column), { side, kind: 'field', column });
      }
      for (const column of whole.tagKeys) if (!keys.includes(column)) this.#meetTag(said(name, column), side, column);
    }
    this.whole = { fields, tagKeys: [...this.#tags.keys()] };
    for (const side of [0, 1] as const) {
      const { name, known } = sides[side];
      for (const [column, type] of known.fields) {
        if (!this.#isOnlyIn(side, column) || fields.has(column)) continue;
        types.set(column, type);
        this.#fields.set(column, { side, kind: 'field', column });
      }
      for (const column of known.tagKeys) if (this.#isOnlyIn(side, column)) this.#meetTag(column, side, column);
      if (name !== null) for (const key of keys) this.#meetTag(said(name, key), 'both', key);
    }
    this.known = { fields: new Map([...fields, ...types]), tagKeys: [...this.#tags.keys()] };
  }

  /** null = no side has it. A field goes before a tag of its name, as everywhere. */
  place({ name, cast }: Expression & { kind: 'reference' }): Place | null {
    const field = cast === 'tag' ? undefined : this.#fields.get(name);
    return field ?? (cast === null || cast === 'tag' ? (this.#tags.get(name) ?? null) : null);
  }

  field(name: string): Place | null {
    return this.#fields.get(name) ?? null;
  }

  tag(name: string): Place | null {
    return this.#tags.get(name) ?? null;
  }

  /** Throws where one of the names means a column of either side. */
  checkNames(expression: Expression): void {
    walk(expression, (e) => {
      if (e.kind === 'reference') this.checkName(e.name);
      return undefined;
    });
  }

  checkName(name: string): void {
    if (this.#fields.has(name) || this.#tags.has(name) || !this.#sides.every((side) => has(side.known, name))) return;
    const [a, b] = this.#sides.map((side) => quoted(said(side.name, name)));
    throw new QueryError('invalid', `both sides of the join have a column ${quoted(name)}: say ${a} or ${b}`);
  }

  // private functions

  #meetTag(name: string, side: 0 | 1 | 'both', column: string): void {
    if (!this.#tags.has(name)) this.#tags.set(name, { side, kind: 'tag', column } as Place);
  }

  #isOnlyIn(side: 0 | 1, column: string): boolean {
    return !this.#keys.includes(column) && !has(this.#sides[1 - side].known, column);
  }
}

// private functions

function said(side: string | null, column: string): string {
  return side === null ? column : `${side}.${column}`;
}

function has({ fields, tagKeys }: Names, name: string): boolean {
  return fields.has(name) || tagKeys.includes(name);
}

function quoted(name: string): string {
  return printIdentifier(name).startsWith('"') ? printIdentifier(name) : `"${name}"`;
}
