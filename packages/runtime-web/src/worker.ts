/** The worker that loads a checkpoint and runs its network, so that the page stays responsive. */
import { toMessage } from '@inverseform/errors'
import type { Segmentation } from '@inverseform/runtime'
import type { SegmentRequest, WorkerReply, WorkerRequest } from './protocol.js'
import { type RunningSegmenter, startSegmenter } from './start-segmenter.js'

const send = (reply: WorkerReply, transfer: ArrayBuffer[] = []) => postMessage(reply, { transfer })

let segmenter: RunningSegmenter
/** Requests are answered one after the other, in the order of their arrival. */
let last = Promise.resolve()
const aborts = new Map<number, AbortController>()

function receive({ data: message }: MessageEvent<WorkerRequest>): void {
  if (message.kind === 'start') void start(message.settings)
  else if (message.kind === 'abort') aborts.get(message.id)?.abort()
  else {
    const { id, request } = message
    aborts.set(id, new AbortController())
    last = last.then(() => answer(id, request)).finally(() => aborts.delete(id))
  }
}

async function start(settings: Extract<WorkerRequest, { kind: 'start' }>['settings']): Promise<void> {
  try {
    segmenter = await startSegmenter(settings, (progress) => send({ kind: 'loading', progress }))
    send({ kind: 'loaded', loaded: segmenter.loaded })
  } catch (error) {
    send({ kind: 'error', error: toMessage(error) })
  }
}

async function answer(id: number, request: SegmentRequest): Promise<void> {
  const { signal } = aborts.get(id)!
  try {
    signal.throwIfAborted()
    const result = await segmenter.run(request, {
      signal,
      onProgress: (progress) => send({ kind: 'progress', id, progress }),
    })
    send({ kind: 'result', id, result }, buffersOf(result))
  } catch (error) {
    send({ kind: 'error', id, error: toMessage(error) })
  }
}

function buffersOf(segmentations: readonly Segmentation[]): ArrayBuffer[] {
  const arrays = segmentations.flatMap((segmentation) =>
    Object.values(segmentation).filter(ArrayBuffer.isView),
  )
  return arrays.map(({ buffer }) => buffer as ArrayBuffer)
}

// ONNX Runtime starts its threads from the script that it is part of, which after bundling may be this one.
if (!self.name.startsWith('em-pthread')) addEventListener('message', receive)
