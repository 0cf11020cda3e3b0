/** States beside each other in one StateData: the columns of each under names with a prefix of its own. */
import type { StateData } from './aggregate.ts';

export function prefixed(prefix: string, data: StateData): StateData {
  return Object.fromEntries(Object.entries(data).map(([name, array]) => [prefix + name, array]));
}

/** What `prefixed` was given; null where nothing has this prefix. */
export function unprefixed(prefix: string, data: StateData): StateData | null {
  const own = Object.entries(data).filter(([name]) => name.startsWith(prefix));
  return own.length === 0 ? null : Object.fromEntries(own.map(([name, array]) => [name.slice(prefix.length), array]));
}
