/**
 * ShapeParser: parse() for texts that differ from earlier ones in their literals only, as those of dashboards and programs do: other
 * hosts, other times. What parse() makes of a shape is kept as a template; of the next text with that shape only the literals are read.
 *
 * A template is made by asking parse() itself: the text is parsed once more with a marker in the place of each literal, and where the
 * markers come out is where literals go. A shape whose markers do not come out, or not the way the literals of the text at hand did,
 * has no template and is parsed anew each time. So the grammar stays the only thing that knows the language.
 */
import type { Statement } from './ast.ts';
import { QueryError } from './errors.ts';
import { readDuration, readNumber } from './literals.ts';
import { parse } from './parse.ts';
import { type LiteralKind, piecesOf, type Shape, shapeOf } from './shape-of.ts';

/** Shapes kept, those asked last: the panels of some dozens of dashboards. */
export const SHAPES_MAX = 512;
/** Longer texts are lists of values written by programs, no two of one shape. */
const TEXT_LENGTH_MAX = 4096;
/** Kinds of statements that come again and again. */
const ASKING = /^(select$|show |explain)/;

type Literal = string | bigint | number;

/** How to make a part of a statement anew; null = as it is, as also a copy is whose literals are those it had. */
type Part = Slot | Copy | null;
interface Slot {
  readonly literal: number;
  readonly negative: boolean;
  /** Counts of LIMIT and its like are numbers, though written as integers are. */
  readonly count: boolean;
}
interface Copy {
  readonly of: object;
  readonly parts: readonly (readonly [key: string, part: Slot | Copy])[];
}

/** `once`: a template is made when the shape comes again. `never`: there is none. */
type Known = Copy | 'once' | 'never';

export class ShapeParser {
  /** In the order of their last use. */
  readonly #known = new Map<string, Known>();
  /** How often a template spared the grammar. */
  hits = 0;

  /**
   * As parse(text), which it calls where it does not know better; throws what it throws. Statements share what they have in common: of
   * two texts of a shape all that has the same literals as the first text had is the same object.
   */
  parse(text: string): Statement[] {
    const shape = text.length > TEXT_LENGTH_MAX ? null : shapeOf(text);
    if (shape === null) return parse(text);
    const known = this.#known.get(shape.skeleton);
    if (known !== undefined) this.#known.delete(shape.skeleton);
    if (known !== undefined && typeof known === 'object') {
      this.#known.set(shape.skeleton, known);
      const literals = readLiterals(shape);
      // the grammar says what is wrong with a literal, and where
      if (literals === null) return parse(text);
      this.hits++;
      return filled(known, literals) as Statement[];
    }
    const statements = parse(text);
    this.#known.set(shape.skeleton, known === 'once' ? (templateOf(shape, statements) ?? 'never') : (known ?? 'once'));
    if (this.#known.size > SHAPES_MAX) this.#known.delete(this.#known.keys().next().value!);
    return statements;
  }
}

// private functions

/** null where one of them is out of range. */
function readLiterals({ kinds, texts }: Shape): Literal[] | null {
  try {
    return kinds.map((kind, i) => readLiteral(kind, texts[i]!));
  } catch (error) {
    if (error instanceof QueryError) return null;
    throw error;
  }
}

function readLiteral(kind: LiteralKind, text: string): Literal {
  switch (kind) {
    case 'integer':
      return BigInt(text);
    case 'number':
      return readNumber(text, 0, '');
    case 'duration':
      return readDuration(text, 0);
    default:
      return text;
  }
}

function filled(part: Slot | Copy, literals: readonly Literal[]): unknown {
  if ('of' in part) {
    const original = part.of as Record<string, unknown>;
    let copy: Record<string, unknown> | null = null;
    for (const [key, inner] of part.parts) {
      const value = filled(inner, literals);
      if (copy === null && Object.is(value, original[key])) continue;
      copy ??= (Array.isArray(original) ? [...original] : { ...original }) as Record<string, unknown>;
      copy[key] = value;
    }
    return copy ?? original;
  }
  const literal = literals[part.literal]!;
  if (part.count) return Math.min(Number(literal), Number.MAX_SAFE_INTEGER);
  if (!part.negative || typeof literal === 'string') return literal;
  return -literal;
}

/** null where no template would be right. */
function templateOf(shape: Shape, statements: readonly Statement[]): Copy | null {
  if (!statements.every(({ kind }) => ASKING.test(kind))) return null;
  const markers = shape.kinds.map(markerOf);
  const marked = piecesOf(shape.skeleton).reduce((all, piece, i) => all + markers[i - 1]!.text + piece);
  const places = new Map<unknown, Slot>();
  for (const [literal, { value }] of markers.entries()) {
    places.set(value, { literal, negative: false, count: false });
    if (typeof value === 'string') continue;
    places.set(-value, { literal, negative: true, count: false });
    if (typeof value === 'bigint') places.set(Number(value), { literal, negative: false, count: true });
  }
  const context: Context = {
    places,
    literals: shape.kinds.map((kind, i) => readLiteral(kind, shape.texts[i]!)),
    found: new Set(),
  };
  try {
    const part = compare(parse(marked), statements, context);
    if (context.found.size < markers.length) return null;
    return part !== null && 'of' in part ? part : { of: statements, parts: [] };
  } catch (error) {
    // what is not of one kind with the markers, and what must not stand there at all, as in tz('…')
    if (error instanceof Unlike || error instanceof QueryError) return null;
    throw error;
  }
}

class Unlike extends Error {}

interface Context {
  readonly places: ReadonlyMap<unknown, Slot>;
  readonly literals: readonly Literal[];
  readonly found: Set<number>;
}

/** A literal that no text has by chance; if one has it all the same, the shape has no template. */
function markerOf(kind: LiteralKind, index: number): { readonly text: string; readonly value: Literal } {
  switch (kind) {
    case 'string':
      return { text: `'<${index}>'`, value: `<${index}>` };
    case 'date':
      return { text: `'2000-01-01<${index}>'`, value: `2000-01-01<${index}>` };
    case 'integer':
      return { text: String(4e15 + index), value: BigInt(4e15 + index) };
    case 'number':
      return { text: `${4e12 + index}.5`, value: 4e12 + index + 0.5 };
    case 'duration':
      return { text: `${5e15 + index}ns`, value: BigInt(5e15 + index) };
  }
}

/** How `original` is made anew from literals, where `marked` is the same with markers. Throws Unlike. */
function compare(marked: unknown, original: unknown, context: Context): Part {
  const slot = context.places.get(marked);
  if (slot !== undefined) {
    if (!Object.is(filled(slot, context.literals), original)) throw new Unlike();
    context.found.add(slot.literal);
    return slot;
  }
  if (typeof marked !== 'object' || marked === null || typeof original !== 'object' || original === null) {
    if (!Object.is(marked, original)) throw new Unlike();
    return null;
  }
  const keys = Object.keys(original);
  if (keys.length !== Object.keys(marked).length) throw new Unlike();
  const parts: (readonly [string, Slot | Copy])[] = [];
  for (const key of keys) {
    if (!Object.hasOwn(marked, key)) throw new Unlike();
    const part = compare((marked as never)[key], (original as never)[key], context);
    if (part !== null) parts.push([key, part]);
  }
  return parts.length === 0 ? null : { of: original, parts };
}
