/** How sums of a column are asked for: stretches of its rows, and the running sums that these are added to. */

/** Rows from[i] up to, not including, to[i] are of slot slots[i], for i < count. */
export interface Stretches {
  readonly count: number;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly slots: Int32Array;
}

/** By slot. */
export interface RunningSums {
  readonly sums: Float64Array;
  readonly lost: Float64Array;
}
