import type { CompileProgress, RequestProgress } from '@inverseform/runtime'

/** The types of a task. Values of these types are sent between threads. */
export interface TaskTypes {
  /** What the worker is started with. */
  readonly settings: unknown
  /** What the worker reports when it is ready. */
  readonly loaded: unknown
  readonly request: unknown
  readonly result: unknown
}

/** Throws once the caller has aborted; checked between the steps of the work. */
export type AbortFlag = Pick<AbortSignal, 'throwIfAborted'>

export interface StartContext {
  readonly signal: AbortFlag
  readonly onProgress: (progress: CompileProgress) => void
}

export interface RunContext {
  readonly signal: AbortFlag
  readonly onProgress: (progress: RequestProgress) => void
}

/** Answers the requests of a worker, one at a time. */
export interface Task<T extends TaskTypes> {
  readonly loaded: T['loaded']
  run(request: T['request'], context: RunContext): Promise<T['result']>
  /** Returns the memory of a result, which is transferred instead of copied. */
  buffersOf(result: T['result']): ArrayBuffer[]
  dispose(): Promise<void>
}

/** Starts a task; stops reading once the signal is aborted. */
export type StartTask<T extends TaskTypes> = (
  settings: T['settings'],
  context: StartContext,
) => Promise<Task<T>>
