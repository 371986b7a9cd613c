/** `first`, and then what `rest` has: for who must have seen the first before the others are asked for. */
export async function* startingWith<T>(
  first: T,
  rest: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return();
  }
}
