import { encodeOnnx, memorySink } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Backend, Session, Tensor } from '@inverseform/runtime'
import * as ort from 'onnxruntime-web/webgpu'
import type { Device } from './devices.js'
import type { SegmenterSettings } from './options.js'

/** Sets ONNX Runtime up; to be called once, before the first session. */
export function configureOnnxRuntime({
  threads,
  wasmPaths,
}: Pick<SegmenterSettings, 'threads' | 'wasmPaths'>): void {
  ort.env.logLevel = 'error'
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths
  ort.env.wasm.numThreads = crossOriginIsolated ? threads || navigator.hardwareConcurrency : 1
}

/** ONNX Runtime for the web. On WebAssembly its calls block the thread they are made on, which is why this runs in a worker. */
export function onnxBackend(device: Device): Backend {
  return {
    device,
    async createSession(graph) {
      const model = encodeOnnx(graph)
      const sink = memorySink(model.byteLength)
      await model.write(sink)
      const session = await native('load the model', () =>
        ort.InferenceSession.create(sink.finish(), {
          executionProviders: [device],
          // Sizes change from image to image; a pattern learnt from one would only hold on to its memory.
          enableMemPattern: false,
        }),
      )
      return new OnnxSession(session)
    },
  }
}

class OnnxSession implements Session {
  constructor(private readonly session: ort.InferenceSession) {}

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      new ort.Tensor('float32', data, shape),
    ])
    const outputs = await native('run the network', () => this.session.run(Object.fromEntries(inputs)))
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data, dims }]) => [
        name,
        { data: data as Float32Array, shape: dims },
      ]),
    )
  }

  dispose(): Promise<void> {
    return this.session.release()
  }
}

async function native<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    // Emscripten throws C++ exceptions as bare numbers.
    const message = cause instanceof Error ? cause.message : String(cause)
    if (/bad_alloc|failed to allocate|out of memory|memory access out of bounds/i.test(message)) {
      throw new InverseFormError('out-of-memory', `There was not enough memory to ${what}.`, {
        hint: 'Use smaller scales, a smaller memoryBudget, tiles, or a smaller model.',
        cause,
      })
    }
    throw new InverseFormError('inference-failed', `ONNX Runtime could not ${what}: ${message}.`, {
      hint: 'Try another image size, and report the message if it stays.',
      cause,
    })
  }
}
