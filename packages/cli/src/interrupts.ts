import { constants } from 'node:os'
import type { Printer } from './printer.js'

/** What stops a command early, beside a second Ctrl-C: a batch system or `kill` (SIGTERM), and the end of a terminal (SIGHUP). */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type StopSignal = (typeof signals)[number]

/** Why a command was aborted. */
export class Interrupted extends Error {
  override readonly name = 'AbortError'
  /** 128 and the number of the signal, as shells report it. */
  readonly exitCode: number

  constructor(signal: StopSignal) {
    super(`${signal} was received.`)
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** Returns a signal that is aborted when the process is asked to end. */
export function onInterrupts(printer: Printer): AbortSignal {
  const interrupt = new AbortController()
  for (const signal of signals) {
    const stop = () => {
      const again = signal === 'SIGINT' ? ' Press Ctrl-C again to stop at once.' : ''
      if (!interrupt.signal.aborted) printer.err(`\nStopping after the current step.${again}\n`)
      interrupt.abort(new Interrupted(signal))
    }
    // A second Ctrl-C ends the process at once. The others come twice without meaning more: from the system and from a shell.
    if (signal === 'SIGINT') process.once(signal, stop)
    else process.on(signal, stop)
  }
  return interrupt.signal
}
