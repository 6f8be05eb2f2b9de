import { randomUUID } from 'node:crypto'
import { lstat, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { InverseFormError } from '@inverseform/errors'
import { whileWriting } from './atomic-file.js'
import { hasEnded, ownProcess, type ProcessId } from './process-id.js'
import { systemReason } from './system-reason.js'

export interface Lock {
  /** Whether nobody has taken it over. */
  isHeld(): Promise<boolean>
}

/** The process that holds a lock, as far as the lock says. */
export interface LockHolder extends Partial<Pick<ProcessId, 'process' | 'host'>> {
  /** Whether it is alive: it runs on this machine, or has refreshed the lock meanwhile. */
  readonly isAlive: boolean
}

export interface LockOptions {
  readonly signal?: AbortSignal
  /** Called each time that another process is found to hold the lock. What it throws ends the waiting. */
  readonly onWait?: (holder: LockHolder) => void
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
  const token = JSON.stringify({ ...ownProcess(), id: randomUUID() })
  let seen: { readonly text: string; readonly since: number } | undefined
  let isRefreshed = false
  while (!(await create(path, token))) {
    signal?.throwIfAborted()
    const text = await stateOf(path)
    if (text === undefined) {
      await checkReadable(path)
      continue
    }
    // The age is by this clock alone: the clock of a file server may differ.
    if (text !== seen?.text) {
      isRefreshed = seen !== undefined
      seen = { text, since: performance.now() }
    }
    const holder = holderOf(text)
    const ended = holder && hasEnded(holder)
    // A process of this machine may be stopped, and go on later.
    if (ended ?? performance.now() - seen.since > staleAfter) {
      await takeAway(path, text)
      continue
    }
    onWait?.({ process: holder?.process, host: holder?.host, isAlive: ended === false || isRefreshed })
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

/** What reading says of a file that is being removed, also on Windows and by another machine. */
const GOING = ['ENOENT', 'EPERM', 'EBUSY', 'ESTALE']

/** @throws InverseFormError `write-failed` if there is what nobody can read as a lock: a folder, a broken link, another user's file */
async function checkReadable(path: string): Promise<void> {
  const cause = await readFile(path).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  )
  if (cause === undefined) return
  const isLink = await lstat(path).then(
    (info) => info.isSymbolicLink(),
    () => false,
  )
  if (GOING.includes(cause.code ?? '') && !isLink) return
  throw new InverseFormError('write-failed', `The lock ${path} cannot be read: ${systemReason(cause)}.`, {
    hint: 'If no other process writes to its folder, delete it.',
    cause,
    details: { path },
  })
}

/** Returns the process that wrote a lock; undefined for a lock that is damaged or of another version. */
function holderOf(state: string): ProcessId | undefined {
  try {
    const { process: id, started, host, place } = JSON.parse(state.slice(0, state.lastIndexOf(' ')))
    const texts = [started, host, place].every((text) => typeof text === 'string')
    return Number.isSafeInteger(id) && id > 0 && texts ? { process: id, started, host, place } : undefined
  } catch {
    return undefined
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
