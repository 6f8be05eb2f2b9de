/**
 * Waits for work that takes no signal. Rejects with the signal's reason as soon as it is aborted; the work itself goes on.
 */
export async function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work
  const listening = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: listening.signal })
  })
  return Promise.race([work, aborted]).finally(() => listening.abort())
}

/**
 * Runs work under a signal that is aborted with the caller's signal, or as soon as the work fails. Node 20 leaks memory
 * for each `AbortSignal.any` of a long-lived signal, so this adds and removes a listener instead.
 */
export async function abortTogether<T>(
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [either, listening] = [new AbortController(), new AbortController()]
  const abort = () => either.abort(caller?.reason)
  if (caller?.aborted) abort()
  caller?.addEventListener('abort', abort, { signal: listening.signal })
  try {
    return await work(either.signal)
  } catch (error) {
    either.abort(error)
    throw error
  } finally {
    listening.abort()
  }
}
