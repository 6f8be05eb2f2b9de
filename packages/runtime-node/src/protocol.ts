import type { ErrorMessage } from '@inverseform/errors'
import type { RequestReply } from '@inverseform/runtime'
import type { DiagnosisTask } from './tasks/diagnosis.js'
import type { InverseNetTask } from './tasks/inverse-net.js'
import type { SegmenterTask } from './tasks/segmenter.js'

/** What workers can do. A worker does one of these, from its start to its end. */
export interface Tasks {
  readonly segmenter: SegmenterTask
  readonly inverseNet: InverseNetTask
  readonly diagnosis: DiagnosisTask
}

/** The types of a task; all of them must survive being sent between threads. */
export interface TaskTypes {
  /** What the worker is started with. */
  readonly settings: unknown
  /** What there is to know once the network is ready. */
  readonly loaded: unknown
  readonly request: unknown
  readonly result: unknown
}

export type TaskKind = keyof Tasks

/** The worker's `workerData`. */
export interface WorkerStart<K extends TaskKind = TaskKind> {
  readonly kind: K
  readonly settings: Tasks[K]['settings']
  /** Set to 1 to give up loading. */
  readonly aborted: SharedArrayBuffer
}

export interface RunRequest<K extends TaskKind = TaskKind> {
  readonly kind: 'run'
  readonly id: number
  readonly request: Tasks[K]['request']
  /** Set to 1 to abort: the worker's event loop is blocked while a network runs, so a message would not do. */
  readonly aborted: SharedArrayBuffer
}

export type WorkerRequest<K extends TaskKind = TaskKind> = RunRequest<K> | { readonly kind: 'dispose' }

export type WorkerReply<K extends TaskKind = TaskKind> =
  | { readonly kind: 'loaded'; readonly loaded: Tasks[K]['loaded'] }
  | { readonly kind: 'failed'; readonly error: ErrorMessage }
  | RequestReply<Tasks[K]['result']>
