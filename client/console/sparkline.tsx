/** A small line without axes: the shape of the last minutes, inside a tile. SVG, so that it scales with the tile. */

/** More points than a tile has pixels are no use. */
const POINTS_MAX = 120;
const WIDTH = 120;
const HEIGHT = 28;

export interface SparklineProps {
  readonly values: readonly (number | null)[];
  readonly color: string;
  /** Value at the top; absent: the greatest. */
  readonly max?: number;
}

export function Sparkline({ values, color, max }: SparklineProps) {
  const shown = values.slice(-POINTS_MAX);
  const top = Math.max(max ?? 0, ...shown.map((value) => value ?? 0)) || 1;
  const path = linePath(shown, top);
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {path !== '' && (
        <>
          <path d={`${path}V${HEIGHT}H${firstX(shown)}Z`} fill={color} opacity="0.14" />
          <path d={path} fill="none" stroke={color} stroke-width="1.5" vector-effect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
}

// private functions

/** A line through what is there; a missing value is stepped over, as a gap of one second is not worth a reader's eye here. */
function linePath(values: readonly (number | null)[], top: number): string {
  let path = '';
  values.forEach((value, i) => {
    if (value === null) return;
    const y = HEIGHT - 1 - (Math.max(0, value) / top) * (HEIGHT - 3);
    path += `${path === '' ? 'M' : 'L'}${x(i, values.length)} ${y.toFixed(2)}`;
  });
  return path;
}

function firstX(values: readonly (number | null)[]): string {
  return x(
    values.findIndex((value) => value !== null),
    values.length,
  );
}

function x(index: number, count: number): string {
  return (count <= 1 ? WIDTH : (index / (count - 1)) * WIDTH).toFixed(2);
}
