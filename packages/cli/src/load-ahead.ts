/** Loads items in order, the next one while the caller works on the last: `depth` at a time. */
export async function* loadAhead<T, L>(
  items: readonly T[],
  load: (item: T) => Promise<L>,
  depth = 2,
): AsyncGenerator<L> {
  const loading: Promise<L>[] = []
  for (let next = 0; next < items.length || loading.length > 0; ) {
    while (loading.length < depth && next < items.length) {
      const promise = load(items[next++])
      // A failure is thrown when its turn comes; until then it must not count as unhandled.
      promise.catch(() => {})
      loading.push(promise)
    }
    yield await (loading.shift() as Promise<L>)
  }
}
