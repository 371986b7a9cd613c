import type { BodyPart, PartsAnswer } from '../gateway/index.js';

/**
 * The parts, the first of them when its first bytes are there: what fails before those fails before the status line, and
 * is told truthfully.
 */
export async function* firstBegun(parts: PartsAnswer['parts']): AsyncGenerator<BodyPart, void, undefined> {
  let isFirst = true;
  for await (const part of parts) {
    if (isFirst) yield* begun(part);
    else yield part;
    isFirst = false;
  }
}

async function* begun(part: BodyPart): AsyncGenerator<BodyPart, void, undefined> {
  const chunks = part.bytes[Symbol.asyncIterator]();
  try {
    yield { ...part, bytes: startingWith(await chunks.next(), chunks) };
  } finally {
    // Who leaves before the body has not begun to read it.
    await chunks.return?.();
  }
}

/** A chunk is lent until the next is asked for. */
async function* startingWith(
  first: IteratorResult<Buffer, unknown>,
  rest: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  for (let next = first; !next.done; next = await rest.next()) yield next.value;
}
