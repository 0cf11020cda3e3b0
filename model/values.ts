/** The five field types and their one-byte codes, as every encoding of the project writes them. */

export type FieldType = 'float' | 'integer' | 'unsigned' | 'boolean' | 'string';

/** A single value as a query answers it. Integers are bigint only where a double would lose digits. */
export type Value = number | bigint | boolean | string | null;

/** Index = code in the batch encoding. Append only: the codes are on disk. */
export const FIELD_TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;
export const UINT64_MAX = 2n ** 64n - 1n;
