import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { whileWriting } from '@inverseform/shared/node'

export interface Lock {
  /** Whether nobody has taken it over. */
  isHeld(): Promise<boolean>
}

export interface LockOptions {
  readonly signal?: AbortSignal
  /** Called each time that another process is found to hold the lock. */
  readonly onWait?: () => void
  /** Milliseconds between two looks at the lock of another process. */
  readonly interval?: number
  /** Milliseconds after which a lock that nobody refreshed is taken over. */
  readonly staleAfter?: number
}

/**
 * Does work while a lock file keeps out other threads and processes, also of other machines that share the folder. The lock
 * of a process that was killed is taken over.
 *
 * @throws InverseFormError `write-failed`; the signal's reason when it is aborted
 */
export async function withLock<T>(
  path: string,
  { signal, onWait, interval = 500, staleAfter = 10_000 }: LockOptions,
  work: (lock: Lock) => Promise<T>,
): Promise<T> {
  const token = JSON.stringify({ process: process.pid, host: hostname(), id: randomUUID() })
  let seen: { readonly text: string; readonly since: number } | undefined
  while (!(await create(path, token))) {
    signal?.throwIfAborted()
    const text = await stateOf(path)
    if (text === undefined) continue
    // The age is by this clock alone: the clock of a file server may differ.
    if (text !== seen?.text) seen = { text, since: performance.now() }
    if (isOfDeadProcess(text) || performance.now() - seen.since > staleAfter) {
      await takeAway(path, text)
      continue
    }
    onWait?.()
    await setTimeout(interval, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
  const refresh = setInterval(
    () => {
      const now = new Date()
      utimes(path, now, now).catch(() => {})
    },
    Math.min(2000, staleAfter / 4),
  )
  refresh.unref()
  const isHeld = async () => (await stateOf(path))?.startsWith(token) ?? false
  try {
    return await work({ isHeld })
  } finally {
    clearInterval(refresh)
    if (await isHeld()) await rm(path, { force: true })
  }
}

async function create(path: string, token: string): Promise<boolean> {
  const writing = writeFile(path, token, { flag: 'wx' }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
  return whileWriting(path, writing)
}

/** Returns what changes as long as a process holds the lock: its token and the time of the last refresh. */
async function stateOf(path: string): Promise<string | undefined> {
  try {
    const [token, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return `${token} ${mtimeMs}`
  } catch {
    return undefined
  }
}

function isOfDeadProcess(state: string): boolean {
  try {
    const { process: id, host } = JSON.parse(state.slice(0, state.lastIndexOf(' ')))
    if (host !== hostname() || !Number.isInteger(id)) return false
    process.kill(id, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Removes the lock in a state. Another process may have done so and hold a new lock by now, which stays. */
async function takeAway(path: string, state: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if ((await stateOf(aside)) === state) await rm(aside, { force: true })
  else await rename(aside, path)
}
