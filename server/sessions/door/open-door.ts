/** Opens the door: uWebSockets.js where its binary loads, node:http and ws elsewhere, which one line of the log says. */
import type { Door, DoorOptions } from './door.ts';
import { openNodeDoor } from './door-node.ts';

export type DoorAdapter = 'auto' | 'uws' | 'node';

export async function openDoor(options: DoorOptions, adapter: DoorAdapter = 'auto'): Promise<Door> {
  if (adapter === 'node') return openNodeDoor(options);
  let uws: typeof import('./door-uws.ts');
  try {
    uws = await import('./door-uws.ts');
  } catch (error) {
    if (adapter === 'uws') throw error;
    options.log(`uWebSockets.js cannot be loaded here, serving through node:http: ${String(error)}`);
    return openNodeDoor(options);
  }
  return uws.openUwsDoor(options);
}
