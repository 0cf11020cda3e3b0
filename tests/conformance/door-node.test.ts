/** The door on node:http and ws does what every door must do. */
import { openNodeDoor } from '../../server/sessions/door/door-node.ts';
import { doorConformance } from './door.ts';

doorConformance('node', openNodeDoor);
