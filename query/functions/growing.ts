/** Typed arrays that states index by slot: a longer copy, and a copy of some entries. */

export function grown<T extends Float64Array | Uint32Array | Uint8Array>(array: T, length: number): T {
  if (array.length >= length) return array;
  const longer = new (array.constructor as new (n: number) => T)(Math.max(length, array.length * 2));
  longer.set(array);
  return longer;
}

export function picked(array: Float64Array, slots: Int32Array): Float64Array {
  const copy = new Float64Array(slots.length);
  for (let i = 0; i < slots.length; i++) copy[i] = array[slots[i]];
  return copy;
}
