import type { ErrorMessage } from '@inverseform/errors'
import type { CompileProgress, RequestReply } from '@inverseform/runtime'
import type { DiagnosisTask } from './tasks/diagnosis.js'
import type { InverseNetTask } from './tasks/inverse-net.js'
import type { SegmenterTask } from './tasks/segmenter.js'

/** The tasks of workers. A worker has one task from start to end. */
export interface Tasks {
  readonly segmenter: SegmenterTask
  readonly inverseNet: InverseNetTask
  readonly diagnosis: DiagnosisTask
}

export type TaskKind = keyof Tasks

/** The worker's `workerData`. */
export interface WorkerStart<K extends TaskKind = TaskKind> {
  readonly kind: K
  readonly settings: Tasks[K]['settings']
  /** Set to 1 to stop loading. */
  readonly aborted: SharedArrayBuffer
}

export interface RunRequest<K extends TaskKind = TaskKind> {
  readonly kind: 'run'
  readonly id: number
  readonly request: Tasks[K]['request']
  /** Set to 1 to abort. A message would not arrive: a running network blocks the worker's event loop. */
  readonly aborted: SharedArrayBuffer
}

export type WorkerRequest<K extends TaskKind = TaskKind> = RunRequest<K> | { readonly kind: 'dispose' }

export type LoadReply<K extends TaskKind = TaskKind> =
  | { readonly kind: 'loading'; readonly progress: CompileProgress }
  | { readonly kind: 'loaded'; readonly loaded: Tasks[K]['loaded'] }
  | { readonly kind: 'failed'; readonly error: ErrorMessage }

export type WorkerReply<K extends TaskKind = TaskKind> = LoadReply<K> | RequestReply<Tasks[K]['result']>
