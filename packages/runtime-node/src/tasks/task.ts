import type { RequestProgress } from '@inverseform/runtime'
import type { TaskTypes } from '../protocol.js'

/** Says, between the steps of some work, that whoever wanted it has given up. */
export type AbortFlag = Pick<AbortSignal, 'throwIfAborted'>

export interface RunContext {
  readonly signal: AbortFlag
  readonly onProgress: (progress: RequestProgress) => void
}

/** What a worker does for its requests, one at a time. */
export interface Task<T extends TaskTypes> {
  readonly loaded: T['loaded']
  run(request: T['request'], context: RunContext): Promise<T['result']>
  /** The memory of a result, to be handed over instead of copied. */
  buffersOf(result: T['result']): ArrayBuffer[]
  dispose(): Promise<void>
}

/** Makes a task ready; stops reading once the flag says so. */
export type StartTask<T extends TaskTypes> = (settings: T['settings'], signal: AbortFlag) => Promise<Task<T>>
