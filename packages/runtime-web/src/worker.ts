/** The worker that loads a checkpoint and runs its network, so that the page stays responsive. */
import { toMessage } from '@inverseform/errors'
import { closeBitmap } from './images/send-image.js'
import type { WorkerReply, WorkerRequest } from './worker/protocol.js'
import { type RunningSegmenter, startSegmenter } from './worker/start-segmenter.js'

const send = (reply: WorkerReply, transfer: Transferable[] = []) => postMessage(reply, { transfer })

let segmenter: RunningSegmenter
/** Calls are answered one after the other, in the order in which they arrive. */
let last = Promise.resolve()
const aborts = new Map<number, AbortController>()

function receive({ data: message }: MessageEvent<WorkerRequest>): void {
  if (message.kind === 'start') void start(message.settings)
  else if (message.kind === 'abort') abort(message.id)
  else {
    aborts.set(message.id, new AbortController())
    last = last.then(() => answer(message)).finally(() => aborts.delete(message.id))
  }
}

async function start(settings: Extract<WorkerRequest, { kind: 'start' }>['settings']): Promise<void> {
  try {
    segmenter = await startSegmenter(settings, (progress) => send({ kind: 'loading', progress }))
    send({ kind: 'loaded', loaded: segmenter.loaded })
  } catch (error) {
    send({ kind: 'not loaded', error: toMessage(error) })
  }
}

/** Aborts a call. If it was answered in the meantime, the page ignored the answer and cannot free the picture in it. */
function abort(id: number): void {
  const running = aborts.get(id)
  if (running) running.abort()
  else segmenter.disposePicture(id)
}

async function answer({ id, call, request }: Extract<WorkerRequest, { kind: 'call' }>): Promise<void> {
  const { signal } = aborts.get(id)!
  try {
    signal.throwIfAborted()
    // The compiler does not see that the call and its request belong together.
    const result = await segmenter.calls[call](request as never, {
      id,
      signal,
      onProgress: (progress) => send({ kind: 'progress', id, progress }),
    })
    if (signal.aborted) segmenter.disposePicture(id)
    send({ kind: 'result', id, result }, transferablesOf(result))
  } catch (error) {
    send({ kind: 'error', id, error: toMessage(error) })
  } finally {
    if ('images' in request) request.images.forEach(closeBitmap)
    else if ('image' in request) closeBitmap(request.image)
  }
}

function transferablesOf(result: unknown): Transferable[] {
  if (result instanceof ImageBitmap) return [result]
  if (ArrayBuffer.isView(result)) return [result.buffer as ArrayBuffer]
  return typeof result === 'object' && result ? Object.values(result).flatMap(transferablesOf) : []
}

// ONNX Runtime starts its threads from the script that contains it, which may be this one after bundling.
if (!self.name.startsWith('em-pthread')) addEventListener('message', receive)
