/** How an action of the grammar asks the parts of its rule for their meaning; shared by the dictionaries of actions. */
// biome-ignore-all lint/suspicious/noExplicitAny: the semantic actions of Ohm carry no types
import type { Node } from 'ohm-js';
import type { Parameters } from './bound.ts';

/** What Ohm gives an action as `this` besides the node: the arguments of the operation. */
export type Action = { args: { params: Parameters } };

export function ast(node: Node, context: Node): any {
  return node['ast']((context as unknown as Action).args.params);
}

export function all(list: Node, context: Node): any[] {
  return list.children.map((child) => ast(child, context));
}

/** Of a part with `?`. */
export function optional(part: Node, context: Node): any {
  return part.numChildren === 0 ? null : ast(part.child(0), context);
}
