/**
 * What `work` makes of each of `rows`, in their order, with at most `window` of them under way. Rows are given on as
 * soon as they and those before them are done.
 */
export async function* inOrder<T, R>(
  rows: AsyncGenerator<T, void, undefined>,
  window: number,
  work: (row: T) => R | Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const running: Promise<R>[] = [];
  let coming: Promise<IteratorResult<T, void>> | undefined = pull(rows);
  try {
    while (coming !== undefined || running.length > 0) {
      const [first] = running;
      const isFirst = first !== undefined && (running.length >= window || (await isBefore(first, coming)));
      if (isFirst) {
        void running.shift();
        yield await first;
        continue;
      }
      const next: IteratorResult<T, void> | undefined = await coming;
      if (next && next.done !== true) running.push(begin(work, next.value));
      coming = next && next.done !== true ? pull(rows) : undefined;
    }
  } finally {
    await rows.return();
  }
}

function pull<T>(rows: AsyncGenerator<T, void, undefined>): Promise<IteratorResult<T, void>> {
  const next = rows.next();
  next.catch(() => undefined); // awaited in its turn, or never when the reader has gone
  return next;
}

function begin<T, R>(work: (row: T) => R | Promise<R>, row: T): Promise<R> {
  const result = Promise.resolve(work(row));
  result.catch(() => undefined); // awaited in its turn; must not be unhandled until then
  return result;
}

/** Whether `first` is done and there is no other row yet that could be begun; failures are for who awaits them. */
async function isBefore(first: Promise<unknown>, coming: Promise<unknown> | undefined): Promise<boolean> {
  if (coming === undefined) return true;
  const isDone = (): Promise<boolean> => first.then(yes, yes);
  const yes = (): boolean => true;
  return await Promise.race([coming.then(() => false, isDone), isDone()]);
}
