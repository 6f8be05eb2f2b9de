import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Names a process among all that may share a folder, also those of other machines and containers. */
export interface ProcessId {
  readonly process: number
  /** When it was started, as the system counts; numbers of ended processes are used again. Empty where that is unknown. */
  readonly started: string
  readonly host: string
  /** Eight hexadecimal digits for the machine since its start, and for the container: only here can it be looked up. */
  readonly place: string
}

let own: ProcessId | undefined

/** Returns the name of this process. */
export function ownProcess(): ProcessId {
  own ??= { process: process.pid, started: startOf(process.pid), host: hostname(), place: placeOf() }
  return own
}

/** Tells whether a process has ended; undefined for one of another machine or container, which nobody can know here. */
export function hasEnded({
  process: id,
  started,
  place,
}: Pick<ProcessId, 'process' | 'started' | 'place'>): boolean | undefined {
  if (place !== ownProcess().place) return undefined
  try {
    process.kill(id, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true
  }
  const now = startOf(id)
  return started !== '' && now !== '' && started !== now
}

function placeOf(): string {
  const parts = [
    hostname(),
    attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    attempt(() => readlinkSync('/proc/self/ns/pid')),
  ]
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 8)
}

/** Returns the start of a process in ticks of the system's clock, which only Linux tells cheaply. */
function startOf(id: number): string {
  // The name of the program, in parentheses, may contain anything.
  const fields = attempt(() =>
    readFileSync(`/proc/${id}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' '),
  )
  return fields === '' ? '' : (fields[START] ?? '')
}

/** Field 22 of proc(5), counted from the third. */
const START = 19

function attempt<T>(read: () => T): T | '' {
  try {
    return read()
  } catch {
    return ''
  }
}
