/** An answer whose first piece had to be seen before it is given on: what fails until then is told as a status. */

/** `first` and then the rest. Who leaves early ends the rest, too. */
export async function* startedWith(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return();
  }
}
