/** What the functions beyond InfluxQL take besides their field. Called by check.ts. */
import type { Expression } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';

type Call = Expression & { kind: 'call' };

/** Borders of a histogram: each is a column of the answer. */
const BORDERS_MAX = 100;
const ACCURACY_MIN = 0.001;
const ACCURACY_MAX = 0.5;

/** Whether it is one of them; throws where it is and takes something else. */
export function checkSketch(call: Call): boolean {
  const { name, args } = call;
  switch (name) {
    case 'percentile_approx': {
      if (args.length < 2 || args.length > 3) refuseCount(call, 'at least 2 but no more than 3');
      const percentile = numberOf(args[1]!);
      if (percentile === null || percentile < 0 || percentile > 100) {
        refuse(`expected a number from 0 to 100 as second argument in ${name}()`);
      }
      const accuracy = args[2] === undefined ? ACCURACY_MIN : numberOf(args[2]);
      if (accuracy === null || accuracy < ACCURACY_MIN || accuracy > ACCURACY_MAX) {
        refuse(`expected a number from ${ACCURACY_MIN} to ${ACCURACY_MAX} as third argument in ${name}()`);
      }
      return true;
    }
    case 'count_distinct_approx':
      if (args.length !== 1) refuseCount(call, '1');
      return true;
    case 'rate':
      if (args.length < 1 || args.length > 2) refuseCount(call, 'at least 1 but no more than 2');
      if (args[1] !== undefined && (args[1].kind !== 'duration' || args[1].ns <= 0n)) {
        refuse('second argument to rate must be a positive duration');
      }
      return true;
    case 'histogram': {
      if (args.length < 2 || args.length > BORDERS_MAX + 1) {
        refuseCount(call, `at least 2 but no more than ${BORDERS_MAX + 1}`);
      }
      const borders = args.slice(1).map(numberOf);
      if (borders.some((border, i) => border === null || (i > 0 && border <= borders[i - 1]!))) {
        refuse('expected ascending numbers as borders in histogram()');
      }
      return true;
    }
    default:
      return false;
  }
}

// private functions

function numberOf(e: Expression): number | null {
  return e.kind === 'integer' || e.kind === 'number' ? Number(e.value) : null;
}

function refuseCount({ name, args }: Call, expected: string): never {
  return refuse(`invalid number of arguments for ${name}, expected ${expected}, got ${args.length}`);
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
