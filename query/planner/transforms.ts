/** How far transforms over windows look beyond the time range: asked by the planner, and by stage 2 to know what each is given. */
import { TRANSFORMS } from '../functions/transform.ts';
import type { Transform } from './plan.ts';

/** Windows beside the time range that transform `t` is given: one for each in the chain from it outwards that looks back. */
export function windowsBefore(transforms: readonly Transform[], inputs: number, t: number): number {
  const own = TRANSFORMS.get(transforms[t].name)!.before;
  const outer = transforms.flatMap(({ input }, o) =>
    input === inputs + t ? [windowsBefore(transforms, inputs, o)] : [],
  );
  return own + Math.max(0, ...outer);
}
