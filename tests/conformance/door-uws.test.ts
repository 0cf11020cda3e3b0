/** The door on uWebSockets.js does what every door must do. */
import { openUwsDoor } from '../../server/sessions/door/door-uws.ts';
import { doorConformance } from './door.ts';

// its parser skips two bytes after a chunk without looking at them, takes a header without a name for the end of the headers, and
// the mask bit of frames for granted
doorConformance('uws', openUwsDoor, ['chunk too long', 'header without name', 'unmasked']);
