import { encodeOnnx, memorySink, type Writable } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Backend, Session, Tensor } from '@inverseform/runtime'
import type * as Ort from 'onnxruntime-node'
import type { Device } from './options.js'
import { WEIGHT_FILE, withWeightFolder } from './weight-folder.js'

/**
 * ONNX Runtime's native library, on a device.
 * Its calls block the thread they are made on, which is why this runs in a worker.
 */
export async function onnxBackend(device: Device, threads: number): Promise<Backend> {
  const ort = await loadOnnxRuntime()
  const options: Ort.InferenceSession.SessionOptions = {
    executionProviders: [device],
    intraOpNumThreads: threads,
    // Sizes change from image to image; a pattern learnt from one would only hold on to its memory.
    enableMemPattern: false,
  }
  const create = (model: Uint8Array, more: Ort.InferenceSession.SessionOptions = {}) =>
    native('load the model', () => ort.InferenceSession.create(model, { ...options, ...more }))

  return {
    device,
    async createSession(graph) {
      const model = encodeOnnx(graph, { weightFile: WEIGHT_FILE })
      const bytes = await bytesOf(model)
      const session = await withWeightFolder(model.weights as Writable, (folder) =>
        create(bytes, { extra: { session: { model_external_initializers_file_folder_path: folder } } }),
      )
      return new OnnxSession(ort, session ?? (await create(await bytesOf(encodeOnnx(graph)))))
    },
  }
}

async function bytesOf(model: Writable): Promise<Uint8Array> {
  const sink = memorySink(model.byteLength)
  await model.write(sink)
  return sink.finish()
}

class OnnxSession implements Session {
  constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
  ) {}

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      new this.ort.Tensor('float32', data, shape),
    ])
    const outputs = await native('run the network', () => this.session.run(Object.fromEntries(inputs)))
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data, dims }]) => [
        name,
        { data: data as Float32Array, shape: dims },
      ]),
    )
  }

  async dispose(): Promise<void> {
    await this.session.release()
  }
}

async function loadOnnxRuntime(): Promise<typeof Ort> {
  try {
    const module = await import('onnxruntime-node')
    return module.default ?? module
  } catch (cause) {
    throw new InverseFormError(
      'runtime-unavailable',
      `onnxruntime-node cannot be loaded on ${process.platform}-${process.arch}: ${(cause as Error).message}.`,
      {
        hint: 'It has binaries for Linux and Windows (x64, arm64) and for macOS on Apple silicon. Install it again if the platform is one of these.',
        cause,
      },
    )
  }
}

async function native<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    const message = (cause as Error).message
    if (/bad_alloc|failed to allocate|out of memory/i.test(message)) {
      throw new InverseFormError('out-of-memory', `There was not enough memory to ${what}.`, {
        hint: 'Use smaller scales, tiles, a smaller model, or a machine with more memory.',
        cause,
      })
    }
    throw new InverseFormError('inference-failed', `ONNX Runtime could not ${what}: ${message}.`, {
      hint: 'Try another image size, and report the message if it stays.',
      cause,
    })
  }
}
