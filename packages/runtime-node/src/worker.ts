/** The thread that loads a checkpoint and runs its network, so that the caller's event loop stays free. */
import { availableParallelism } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { type ByteSource, bytesSource, loadModel, openCheckpoint, zoo } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { type Network, type Segmentation, segmentBatch } from '@inverseform/runtime'
import { onnxBackend } from './onnx-backend.js'
import {
  type Loaded,
  type SegmentRequest,
  toMessage,
  type WorkerReply,
  type WorkerRequest,
  type WorkerStart,
} from './protocol.js'

const port = parentPort as NonNullable<typeof parentPort>
const send = (reply: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(reply, transfer)

try {
  const { network, loaded } = await load(workerData as WorkerStart)
  port.on('message', serve(network))
  send({ kind: 'loaded', loaded })
} catch (error) {
  send({ kind: 'error', error: toMessage(error) })
  port.close()
}

async function load({ settings, aborted }: WorkerStart): Promise<{ network: Network; loaded: Loaded }> {
  const started = performance.now()
  const { checkpoint, model, edge, classes, device, threads } = settings
  const file = typeof checkpoint === 'string' ? await fileSource(checkpoint) : undefined
  try {
    const source = abortable(file ?? bytesSource(checkpoint as Uint8Array, 'the checkpoint'), aborted)
    const built = loadModel(await openCheckpoint(source), { model, edge, classes })
    const opened = performance.now()
    const backend = await onnxBackend(device, threads || availableParallelism())
    const session = await backend.createSession(built.graph)
    const network: Network = {
      session,
      graph: built.graph,
      info: zoo[built.model],
      classes: built.classes,
      memoryBudget: settings.memoryBudget ?? 0.6 * process.availableMemory(),
    }
    const loadTimings = { open: opened - started, session: performance.now() - opened }
    const loaded = {
      model: built.model,
      classes: built.classes,
      edge: built.edge,
      device,
      report: built.report,
      loadTimings,
    }
    return { network, loaded }
  } finally {
    await file?.close()
  }
}

/** A source whose reading ends once the flag is set. */
function abortable(source: ByteSource, aborted: SharedArrayBuffer): ByteSource {
  const signal = signalOf(aborted)
  return {
    ...source,
    read: (start, end) => {
      signal.throwIfAborted()
      return source.read(start, end)
    },
  }
}

function signalOf(aborted: SharedArrayBuffer): Pick<AbortSignal, 'throwIfAborted'> {
  const flag = new Int32Array(aborted)
  return {
    throwIfAborted() {
      if (Atomics.load(flag, 0)) throw new Error('aborted')
    },
  }
}

/** Answers requests one after the other, in the order of their arrival. */
function serve(network: Network): (message: WorkerRequest) => void {
  let last = Promise.resolve()
  return (message) => {
    last = last.then(() =>
      message.kind === 'segment' ? segment(network, message.request) : dispose(network),
    )
  }
}

async function segment(network: Network, { id, images, options, aborted }: SegmentRequest): Promise<void> {
  const signal = signalOf(aborted)
  try {
    signal.throwIfAborted()
    const onProgress = (progress: { done: number; total: number }) => send({ kind: 'progress', id, progress })
    const segmentations = await segmentBatch(network, images, { ...options, signal, onProgress })
    send({ kind: 'result', id, segmentations }, buffersOf(segmentations))
  } catch (error) {
    send({ kind: 'error', id, error: toMessage(error) })
  }
}

async function dispose({ session }: Network): Promise<void> {
  await session.dispose()
  port.close()
}

/** The memory of all that was computed, to be handed over instead of copied. */
function buffersOf(segmentations: readonly Segmentation[]): ArrayBuffer[] {
  const arrays = segmentations.flatMap((segmentation) =>
    Object.values(segmentation).filter(ArrayBuffer.isView),
  )
  return arrays.map(({ buffer }) => buffer as ArrayBuffer)
}
