/** What a slice of rows says of series, where all of them are of one. */
export const ONE_SERIES = { series: new Uint32Array(4096), keyOf: (): string => '' };
