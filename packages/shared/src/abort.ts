/**
 * Calls `listener` when a signal is aborted. Returns a function that ends this. Node 20 can lose the option `signal` of
 * `addEventListener` when several listeners of a signal have it: they stay, with all that they hold, as long as the signal.
 */
export function listenToAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  signal?.addEventListener('abort', listener)
  return () => signal?.removeEventListener('abort', listener)
}

/**
 * Waits for work that takes no signal. Rejects with the signal's reason as soon as it is aborted; the work itself goes on.
 */
export async function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work
  let stopListening = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stopListening = listenToAbort(signal, () => reject(signal.reason))
  })
  return Promise.race([work, aborted]).finally(stopListening)
}

/**
 * Runs work under a signal that is aborted with the caller's signal, or as soon as the work fails. Node 20 leaks memory
 * for each `AbortSignal.any` of a long-lived signal, so this adds and removes a listener instead.
 */
export async function abortTogether<T>(
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = new AbortController()
  const abort = () => either.abort(caller?.reason)
  if (caller?.aborted) abort()
  const stopListening = listenToAbort(caller, abort)
  try {
    return await work(either.signal)
  } catch (error) {
    either.abort(error)
    throw error
  } finally {
    stopListening()
  }
}
