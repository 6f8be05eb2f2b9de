import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type InverseFormError, isInverseFormError } from '@inverseform/errors'
import { untilAborted, withoutPeriod } from '@inverseform/shared'
import type { Connection } from './connection.js'
import type { Processor, Run, RunEvents } from './processor.js'
import { RunWorker } from './run-worker.js'
import { listRuns, type RunSummary, readRun } from './runs.js'
import { Heartbeat } from './workers.js'

export interface WorkOptions extends RunEvents {
  /** The version of the program. Runs of other versions are left alone. */
  readonly program: string
  /**
   * Opens what a run needs.
   * @throws InverseFormError for a run that this worker cannot take; it is noted, and other runs are taken
   */
  open(run: Run, signal: AbortSignal): Promise<Processor>
  /** Called when the worker leaves a run, since it has ended or has no images left; not when the work ends. */
  readonly onLeave?: () => void
  /** Ends when no run has images left, instead of waiting for more. */
  readonly untilEmpty?: boolean
  /** Milliseconds after which the images of a worker that gives no sign go to others; 60,000 by default. */
  readonly lease?: number
  /** Milliseconds that images in flight have to end when `signal` is aborted, before they are handed back; 10,000 by default. */
  readonly grace?: number
  /** Milliseconds between two looks for runs; 1000 by default. */
  readonly interval?: number
  readonly onNote?: (note: string) => void
  /** Ends the work: images in flight are finished or handed back. */
  readonly signal: AbortSignal
}

/** Milliseconds after which a run is tried again that could not be opened. */
const RETRY = 60_000

/**
 * Processes images of all runs of its version, until it is aborted: the oldest run first.
 *
 * @throws what `process` threw; InverseFormError of the first run that could not be opened, if `untilEmpty` and no other was left
 */
export async function work(connection: Connection, options: WorkOptions): Promise<void> {
  const { signal, untilEmpty = false, interval = 1000, onNote, program } = options
  const refused = new Map<string, { readonly error: InverseFormError; readonly at: number }>()
  const told = new Set<string>()
  await using heartbeat = await Heartbeat.start(connection, { id: randomUUID(), program })
  let current: RunWorker | undefined
  let processor: Processor | undefined

  const leave = async () => {
    await current?.close(options.grace ?? 10_000)
    current = undefined
  }
  const isRefused = (run: RunSummary) => performance.now() - (refused.get(run.id)?.at ?? -RETRY) < RETRY
  const tellOnce = (run: RunSummary, why: string) => {
    if (!told.has(run.id)) onNote?.(`Run ${run.id} (${run.title}) is left to others: ${why}.`)
    told.add(run.id)
  }

  try {
    while (!signal.aborted) {
      const all = await untilAborted(listRuns(connection), signal)
      for (const run of all) {
        const isOther = run.state === 'open' && run.program !== program
        if (isOther) tellOnce(run, `it is of version ${run.program}, and this worker of ${program}`)
      }
      const runs = all.filter((run) => run.state === 'open' && run.program === program)
      const mine = runs.find(({ id }) => id === current?.id)
      const others = runs.filter((run) => run.id !== current?.id && !isRefused(run))
      const next = others.find(({ waiting }) => waiting > 0)
      const isIdle = current !== undefined && current.inFlight === 0 && mine?.waiting === 0
      if (current && (mine === undefined || (isIdle && next))) {
        await leave()
        options.onLeave?.()
      }
      // Images that other workers have come back if these are lost, and only workers of the run notice it.
      const chosen = current === undefined ? (next ?? others.find(({ active }) => active > 0)) : undefined
      if (chosen && !signal.aborted) {
        try {
          await processor?.[Symbol.asyncDispose]()
          processor = undefined
          const description = await untilAborted(readRun(connection, chosen.id), signal)
          const run = { id: chosen.id, description }
          processor = await options.open(run, signal)
          current = new RunWorker(connection, run, processor, options)
          const { device } = processor
          await untilAborted(heartbeat.beat({ run: chosen.id, device }), signal)
        } catch (error) {
          if (!isInverseFormError(error) || signal.aborted) throw error
          refused.set(chosen.id, { error, at: performance.now() })
          tellOnce(chosen, withoutPeriod(error.message))
        }
      } else if (untilEmpty && runs.every((run) => refused.has(run.id) || run.waiting + run.active === 0)) {
        const [first] = refused.values()
        if (first && runs.some((run) => refused.has(run.id))) throw first.error
        return
      }
      await untilAborted(heartbeat.beat({ done: current?.done ?? 0, run: current?.id }), signal)
      await Promise.race([pause(interval, signal), ...(current ? [current.failed] : [])])
    }
    await leave()
    signal.throwIfAborted()
  } finally {
    await leave()
    await processor?.[Symbol.asyncDispose]()
  }
}

const pause = (milliseconds: number, signal: AbortSignal) =>
  setTimeout(milliseconds, undefined, { signal }).catch(() => {})
