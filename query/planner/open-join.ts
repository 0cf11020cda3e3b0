/**
 * A join in FROM → what the SELECT over it may name, and then the plans of its sides. Each side is planned as a SELECT of its own: raw
 * rows of the columns that are wanted, grouped by the tags of ON, so that both sides come in the same order and their rows can be
 * matched as they pass. Time bounds go into both sides (the right one's as much wider as rows may be apart), and so do conditions:
 *
 *     over tags of ON              into both sides
 *     over one side                into it, where a row that is not there is no other answer: not into the right side of ASOF,
 *                                  which is the latest row whatever it says, and not below FILL
 *     anything else                stays above the join
 */
import { TIME_MAX, TIME_MIN } from '../../model/index.ts';
import type { Dimension, Expression, Join, JoinSide, SelectSource, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { transform, unwrap, walk } from '../language/walk.ts';
import { JoinNames, type Names, type Place, type SideNames } from './join-names.ts';
import { checkWindows } from './join-windows.ts';
import { PLAIN_SELECT } from './plain-select.ts';
import type { JoinColumn, Plan, PlanJoin } from './plan.ts';
import { matchesName, measurementMatchers, type Schemas, unionFields, unionTagKeys } from './schema.ts';
import type { TimeRange } from './time-range.ts';

/** Joins in one FROM. */
export const JOINS_MAX = 8;

/** A source whose names are known, before it is known which of its columns are wanted. */
export type Opened = { readonly plan: Plan } | { readonly join: OpenJoin };

/** Plans the SELECT of a side within a time range; its source may be open already. */
export type PlanSide = (statement: SelectStatement, range: TimeRange, opened?: Opened) => Plan;

/** What a SELECT reads of a join by name. `asked`: fields that its rows are chosen by. */
export interface Wanted {
  readonly asked: ReadonlySet<string>;
  readonly fields: ReadonlySet<string>;
  readonly tags: ReadonlySet<string>;
}

/** A condition as parts: what each side can be asked, and what is left. */
export interface Conditions {
  readonly sides: readonly [Expression | null, Expression | null];
  readonly rest: Expression | null;
}

interface Side extends SideNames {
  readonly source: SelectSource;
  readonly range: TimeRange;
  readonly opened?: Opened;
}

/** The names that a join gives, and the plans of its sides. */
export class OpenJoin {
  /** What its rows are called by: the left side's name. */
  readonly name: string;
  readonly names: JoinNames;
  readonly #join: Join;
  readonly #sides: readonly [Side, Side];
  readonly #planSide: PlanSide;

  constructor(join: Join, range: TimeRange, context: Schemas, planSide: PlanSide) {
    if (depthOf(join) > JOINS_MAX) refuse(`a SELECT joins at most ${JOINS_MAX + 1} sources`);
    if (join.join === 'window') checkWindows(join);
    if (join.fill?.kind === 'linear')
      refuse('a join takes FILL(null), FILL(previous) or a number: linear needs what comes later');
    const open = (side: JoinSide, within: TimeRange): Side => openSide(side, within, context, planSide);
    const sides = [open(join.left, range), open(join.right, widened(join, range))] as const;
    for (const key of join.keys) {
      const without = sides.find(
        ({ known, opened }) => opened === undefined && known.fields.size > 0 && !known.tagKeys.includes(key),
      );
      if (without !== undefined) refuse(`ON takes tags that both sides have: "${key}" is no tag of "${without.name}"`);
    }
    this.#join = join;
    this.#sides = sides;
    this.#planSide = planSide;
    this.name = nameOf(sides[0]);
    this.names = new JoinNames(sides, [...new Set(join.keys)].sort());
  }

  split(condition: Expression | null): Conditions {
    const sides: Expression[][] = [[], []];
    const rest: Expression[] = [];
    for (const part of condition === null ? [] : conjuncts(condition)) {
      const target = this.#target(part);
      if (target === null) rest.push(part);
      else for (const side of target) sides[side].push(this.#local(part));
    }
    return { sides: [conjunction(sides[0]), conjunction(sides[1])], rest: conjunction(rest) };
  }

  plan(wanted: Wanted, conditions: Conditions): { join: PlanJoin; sides: Plan[] } {
    const { join: kind, within, fill } = this.#join;
    const keys = [...new Set(this.#join.keys)].sort();
    const places = (names: ReadonlySet<string>, of: 'field' | 'tag'): [string, Place][] =>
      [...names].flatMap((name): [string, Place][] => {
        const place = this.names[of](name);
        return place === null ? [] : [[name, place]];
      });
    const fields = places(wanted.fields, 'field');
    const tags = places(wanted.tags, 'tag');
    const sides = this.#sides.map((side, s) => {
      const own = fields.filter(([, place]) => place.side === s);
      const asked = unique(own.filter(([name]) => wanted.asked.has(name)).map(([, { column }]) => column));
      // a side that is asked for none of its fields counts by rows, whichever fields these have
      const first = asked.length > 0 ? asked : [...side.whole.fields.keys()];
      const columns = unique([...first, ...own.map(([, { column }]) => column)]);
      const ownTags = unique(tags.filter(([, place]) => place.side === s).map(([, { column }]) => column));
      return { asked: first.length, columns, tags: ownTags };
    });
    const columnOf = ([name, place]: [string, Place]): JoinColumn => {
      if (place.side === 'both') return { name, side: null, index: keys.indexOf(place.column) };
      const side = sides[place.side];
      const index =
        place.kind === 'field'
          ? side.columns.indexOf(place.column)
          : side.columns.length + side.tags.indexOf(place.column);
      return { name, side: place.side, index };
    };
    return {
      join: {
        kind,
        within,
        fill: fill?.kind === 'none' ? null : fill,
        keys,
        asked: [sides[0].asked, sides[1].asked],
        fields: fields.map(columnOf),
        tags: tags.map(columnOf),
      },
      sides: sides.map(({ columns, tags }, s) =>
        this.#planned(this.#sides[s], columns, tags, conditions.sides[s], keys),
      ),
    };
  }

  // private functions

  #planned(
    side: Side,
    columns: readonly string[],
    tags: readonly string[],
    condition: Expression | null,
    keys: readonly string[],
  ): Plan {
    const field = (name: string, cast: 'field' | 'tag') => ({
      expression: { kind: 'reference', name, cast } as const,
      alias: null,
    });
    const statement: SelectStatement = {
      ...PLAIN_SELECT,
      fields:
        columns.length === 0
          ? [field('', 'field')]
          : [...columns.map((c) => field(c, 'field')), ...tags.map((t) => field(t, 'tag'))],
      sources: [side.source],
      condition,
      dimensions: keys.map((name): Dimension => ({ kind: 'tag', name })),
    };
    const plan = this.#planSide(statement, side.range, side.opened);
    const found = unique(plan.sources.map(({ measurement }) => measurement));
    if (found.length > 1)
      refuse(`a side of a join is one measurement, this one is several: ${found.map((m) => `"${m}"`).join(', ')}`);
    return { ...plan, byTime: true };
  }

  /** The sides that a part of a condition can be asked of; null = it is about both, or would say something else there. */
  #target(part: Expression): readonly (0 | 1)[] | null {
    const { join, fill } = this.#join;
    const found = new Set<0 | 1>();
    let isPlain = true;
    let references = 0;
    walk(part, (e) => {
      if (e.kind !== 'reference') return undefined;
      references++;
      const place = this.names.place(e);
      if (place === null) isPlain = false;
      else if (place.side !== 'both') found.add(place.side);
      return undefined;
    });
    if (!isPlain || references === 0 || found.size === 2) return null;
    const [side] = found;
    if (side === undefined) return [0, 1];
    if (join === 'asof' && side === 1) return null;
    return fill === null || fill.kind === 'none' ? [side] : null;
  }

  /** With the names that a side has for its columns. */
  #local(part: Expression): Expression {
    return transform(part, (e) => {
      if (e.kind !== 'reference') return e;
      const { kind, column } = this.names.place(e)!;
      return { ...e, name: column, cast: kind === 'tag' ? 'tag' : e.cast };
    });
  }
}

// private functions

function depthOf(source: SelectSource): number {
  return 'join' in source ? 1 + depthOf(source.left.source) : 0;
}

function openSide({ source, alias }: JoinSide, range: TimeRange, context: Schemas, planSide: PlanSide): Side {
  if ('join' in source) {
    const join = new OpenJoin(source, range, context, planSide);
    return { source, range, name: null, whole: join.names.whole, known: join.names.known, opened: { join } };
  }
  if ('subquery' in source) {
    const plan = planSide(source.subquery, range);
    const names = {
      fields: new Map(plan.outputs.map(({ name, type }) => [name, type])),
      tagKeys: plan.groupBy,
    };
    const name = alias ?? plan.sources[0]?.measurement ?? '';
    return { source, range, name, whole: names, known: names, opened: { plan } };
  }
  const schemas = measurementMatchers([source], context).flatMap(({ database, retentionPolicy, name }) =>
    context.schemas(database, retentionPolicy, matchesName(name)),
  );
  const names: Names = { fields: unionFields(schemas), tagKeys: unionTagKeys(schemas) };
  const name = alias ?? ('text' in source.name ? source.name.text : (schemas[0]?.name ?? ''));
  return { source, range, name, whole: names, known: names };
}

function nameOf({ name, opened }: Side): string {
  return name ?? (opened !== undefined && 'join' in opened ? opened.join.name : '');
}

/** When the rows of the right side may lie. */
function widened({ join, within }: Join, range: TimeRange): TimeRange {
  if (join === 'window') return range;
  const { min, max } = range;
  const reach = within ?? TIME_MAX - TIME_MIN;
  return {
    ...range,
    min: min === null ? null : later(min - reach),
    max: max === null || join === 'asof' ? max : later(max + reach),
  };
}

function later(time: bigint): bigint {
  if (time < TIME_MIN) return TIME_MIN;
  return time > TIME_MAX ? TIME_MAX : time;
}

function conjuncts(condition: Expression): Expression[] {
  const e = unwrap(condition);
  if (e.kind === 'binary' && e.operator === 'AND') return [...conjuncts(e.left), ...conjuncts(e.right)];
  return [e];
}

function conjunction(parts: readonly Expression[]): Expression | null {
  return parts.reduce<Expression | null>(
    (left, right) => (left === null ? right : { kind: 'binary', operator: 'AND', left, right }),
    null,
  );
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
