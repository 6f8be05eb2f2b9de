/**
 * Yields the results of `work` on each item, in order, with up to `depth` items in flight. `items` may be the output of
 * another `readAhead`. When the caller stops early or an item fails, no more work starts, and the generator waits for
 * the work in flight before it ends.
 */
export async function* readAhead<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item) => Promise<Result>,
  depth = 2,
): AsyncGenerator<Result, void, undefined> {
  const inFlight: Promise<Result>[] = []
  try {
    for await (const item of items) {
      const result = work(item)
      // The consumer sees a failure when its turn comes; until then it must not count as unhandled.
      result.catch(() => {})
      inFlight.push(result)
      if (inFlight.length >= depth) yield await (inFlight.shift() as Promise<Result>)
    }
    while (inFlight.length > 0) yield await (inFlight.shift() as Promise<Result>)
  } finally {
    await Promise.allSettled(inFlight)
  }
}
