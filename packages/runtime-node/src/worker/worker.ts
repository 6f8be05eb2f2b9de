/** The thread that loads a checkpoint and runs its network, so that the caller's event loop stays free. */
import { parentPort, workerData } from 'node:worker_threads'
import { toMessage } from '@inverseform/errors'
import type { CompileProgress, RequestProgress } from '@inverseform/runtime'
import type { RunRequest, TaskKind, Tasks, WorkerReply, WorkerRequest, WorkerStart } from './protocol.js'
import type { AbortFlag, StartTask, Task } from './tasks/task.js'

const port = parentPort as NonNullable<typeof parentPort>
const send = (reply: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(reply, transfer)

/** Each task loads only what it needs, for a fast start. */
const starters: { readonly [K in TaskKind]: () => Promise<StartTask<Tasks[K]>> } = {
  segmenter: async () => (await import('./tasks/segmenter.js')).startSegmenter,
  inverseNet: async () => (await import('./tasks/inverse-net.js')).startInverseNet,
  diagnosis: async () => (await import('./tasks/diagnosis.js')).startDiagnosis,
}

await start(workerData as WorkerStart)

async function start<K extends TaskKind>({ kind, settings, aborted }: WorkerStart<K>): Promise<void> {
  try {
    const onProgress = (progress: CompileProgress) => send({ kind: 'loading', progress })
    const startTask = await starters[kind]()
    const task = await startTask(settings, { signal: flagOf(aborted), onProgress })
    port.on('message', serve(task))
    send({ kind: 'loaded', loaded: task.loaded })
  } catch (error) {
    send({ kind: 'failed', error: toMessage(error) })
    port.close()
  }
}

/** Answers requests one after the other, in the order in which they arrive. */
function serve<K extends TaskKind>(task: Task<Tasks[K]>): (message: WorkerRequest<K>) => void {
  let last = Promise.resolve()
  return (message) => {
    last = last.then(async () => {
      if (message.kind === 'run') return answer(task, message)
      await task.dispose()
      port.close()
    })
  }
}

async function answer<K extends TaskKind>(
  task: Task<Tasks[K]>,
  { id, request, aborted }: RunRequest<K>,
): Promise<void> {
  const signal = flagOf(aborted)
  try {
    signal.throwIfAborted()
    const onProgress = (progress: RequestProgress) => send({ kind: 'progress', id, progress })
    const result = await task.run(request, { signal, onProgress })
    send({ kind: 'result', id, result }, task.buffersOf(result))
  } catch (error) {
    send({ kind: 'error', id, error: toMessage(error) })
  }
}

function flagOf(aborted: SharedArrayBuffer): AbortFlag {
  const flag = new Int32Array(aborted)
  return {
    throwIfAborted() {
      if (Atomics.load(flag, 0)) throw new Error('aborted')
    },
  }
}
