/**
 * Loads items in order, the next ones while the caller works on the last: `depth` at a time. Items may be what another
 * `loadAhead` gives.
 */
export async function* loadAhead<T, L>(
  items: Iterable<T> | AsyncIterable<T>,
  load: (item: T) => Promise<L>,
  depth = 2,
): AsyncGenerator<L> {
  const loading: Promise<L>[] = []
  for await (const item of items) {
    const promise = load(item)
    // A failure is thrown when its turn comes; until then it must not count as unhandled.
    promise.catch(() => {})
    loading.push(promise)
    if (loading.length === depth) yield await (loading.shift() as Promise<L>)
  }
  for (const promise of loading) yield await promise
}
