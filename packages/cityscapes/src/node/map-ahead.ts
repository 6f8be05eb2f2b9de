/**
 * Results of work on items, in their order, several under way at a time. When the caller stops early or one of them
 * fails, no more are begun, and those under way are awaited.
 */
export async function* mapAhead<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
  depth = 4,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = []
  try {
    for (const item of items) {
      const result = work(item)
      // A failure is thrown when its turn comes; until then it must not count as unhandled.
      result.catch(() => {})
      underWay.push(result)
      if (underWay.length === depth) yield await underWay.shift()!
    }
    while (underWay.length > 0) yield await underWay.shift()!
  } finally {
    await Promise.allSettled(underWay)
  }
}
