/** Waits for work that takes no signal. @throws what the work throws, or the signal's reason as soon as it is aborted */
export async function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work
  const listening = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: listening.signal })
  })
  return Promise.race([work, aborted]).finally(() => listening.abort())
}

/**
 * Does work in parts whose signal is aborted with the caller's, and as soon as one of them fails. In Node 20 a signal keeps
 * a trace of all that `AbortSignal.any` has made of it, for as long as it lives.
 */
export async function abortedTogether<T>(
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
