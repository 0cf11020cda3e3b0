/** Kernels that add up doubles: `PLAIN_SUMS` of `stretch-sums.ts`, two at a time. */
import { type Code, f64x2, get, I32, i32, type Local, loop, set, V128, v128 } from './instructions.ts';
import { FunctionWriter } from './module.ts';
import { advance, VECTOR } from './vectors.ts';

/** Doubles of one step of `sumWholes` and of `sumDoubles`: of as many a kernel takes whole multiples only. */
export const WHOLES_STEP = 8;
export const STRANDS = 4;

/** As a module exports them: n doubles from `source` on; results go to `out`. Addresses are in its memory. */
export function sumKernels(): FunctionWriter[] {
  return [sumWholes(), sumDoubles()];
}

// private functions

const PARAMETERS = { source: I32, n: I32, out: I32 } as const;

/** Two doubles whose sum is the sum; two more, of the absolute values. */
function sumWholes(): FunctionWriter {
  const f = new FunctionWriter('sumWholes', PARAMETERS);
  const { out } = f.parameters;
  const vectors = WHOLES_STEP / 2;
  const sums = f.locals(V128, vectors);
  const sizes = f.locals(V128, vectors);
  const [x] = f.locals(V128, 1);
  eachStep(
    f,
    WHOLES_STEP,
    sums.flatMap((sum, i) => [
      set(x, v128.load(get(f.parameters.source), i * VECTOR)),
      set(sum, f64x2.add(get(sum), get(x))),
      set(sizes[i], f64x2.add(get(sizes[i]), f64x2.abs(get(x)))),
    ]),
  );
  f.push(v128.store(get(out), total(sums)), v128.store(get(out), total(sizes), VECTOR));
  return f;
}

/** The sums of `STRANDS` strands, double i being of strand i modulo that; then what each has lost by rounding (two-sum of Knuth). */
function sumDoubles(): FunctionWriter {
  const f = new FunctionWriter('sumDoubles', PARAMETERS);
  const { source, out } = f.parameters;
  const sums = f.locals(V128, STRANDS / 2);
  const lost = f.locals(V128, STRANDS / 2);
  const [x, sum, b] = f.locals(V128, 3);
  eachStep(
    f,
    STRANDS,
    sums.flatMap((a, i) => [
      set(x, v128.load(get(source), i * VECTOR)),
      set(sum, f64x2.add(get(a), get(x))),
      set(b, f64x2.sub(get(sum), get(a))),
      set(
        lost[i],
        f64x2.add(get(lost[i]), f64x2.add(f64x2.sub(get(a), f64x2.sub(get(sum), get(b))), f64x2.sub(get(x), get(b)))),
      ),
      set(a, get(sum)),
    ]),
  );
  for (const [i, vector] of [...sums, ...lost].entries()) f.push(v128.store(get(out), get(vector), i * VECTOR));
  return f;
}

function eachStep(f: FunctionWriter<keyof typeof PARAMETERS>, doubles: number, body: readonly Code[]): void {
  const { source, n } = f.parameters;
  const end = f.local(I32);
  f.push(
    set(end, i32.add(get(source), i32.shl(get(n), i32.const(3)))),
    loop(i32.isBelow(get(source), get(end)), ...body, advance(source, doubles * 8)),
  );
}

function total(vectors: readonly Local[]): Code {
  return vectors.slice(1).reduce((sum: Code, vector) => f64x2.add(sum, get(vector)), get(vectors[0]));
}
