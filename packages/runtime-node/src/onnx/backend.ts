import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { memorySink } from '@inverseform/backbones'
import {
  type EncodeOnnxOptions,
  encodeOnnx,
  type WeightPrecision,
  type Writable,
} from '@inverseform/backbones/onnx'
import { InverseFormError } from '@inverseform/errors'
import type { Backend, Precision, Session, Tensor } from '@inverseform/runtime'
import type * as Ort from 'onnxruntime-node'
import type { Device } from '../devices/devices.js'
import { WEIGHT_FILE, type WeightFolder, writeWeightFolder } from './weight-folder.js'

export interface BackendOptions {
  /** Which of several devices of a kind, from 0. */
  readonly deviceId?: number
  /** What networks compute in; `float32` by default. Inputs and outputs are float32 in any case. */
  readonly compute?: Precision
  /**
   * Stores weights in this precision, instead of in the layout that runs fastest: for networks that are mostly weights.
   */
  readonly compact?: WeightPrecision
}

/** Session options that keep ONNX Runtime from copying weights. */
const compactSession: Readonly<Record<WeightPrecision, Ort.InferenceSession.SessionOptions>> = {
  // Weights stay in the mapped file; a product packs them block by block.
  float32: { extra: { session: { disable_prepacking: '1' } } },
  // The optimizer would convert weights to float32 while loading.
  float16: { graphOptimizationLevel: 'disabled' },
  // The optimizer fuses weights and products to MatMulNBits, in the largest blocks that its kernels support.
  int8: { extra: { session: { qdq_matmulnbits_block_size: '-1' } } },
}

/**
 * Returns ONNX Runtime's native library on a device. Its calls block their thread, so this runs in a worker. Graphs must be
 * in the form that the device runs: for WebGPU, as `forWebGpu` rewrites them.
 */
export async function onnxBackend(
  device: Device,
  threads: number,
  { compact, compute, deviceId }: BackendOptions = {},
): Promise<Backend> {
  const ort = await loadOnnxRuntime()
  const options: Ort.InferenceSession.SessionOptions = {
    executionProviders: [deviceId === undefined ? device : { name: device, deviceId }],
    intraOpNumThreads: threads,
    // Image sizes vary; a memory pattern of one size would only keep its memory.
    enableMemPattern: false,
    // On other devices it warns that shapes are computed on the CPU, which is intended.
    logSeverityLevel: device === 'cpu' ? 2 : 3,
  }
  const create = (model: Uint8Array, folder?: string) => {
    const { extra, ...rest } = compact ? compactSession[compact] : {}
    const external = folder && { model_external_initializers_file_folder_path: folder }
    const session = { ...(extra?.session as object), ...external }
    return native('load the model', () =>
      ort.InferenceSession.create(model, { ...options, ...rest, extra: { session } }),
    )
  }

  return {
    device,
    async createSession(graph) {
      const encode = (options?: EncodeOnnxOptions) =>
        encodeOnnx(graph, { compute, precision: compact, ...options })
      const model = encode({ weightFile: WEIGHT_FILE })
      const bytes = await bytesOf(model)
      const folder = await writeWeightFolder(model.weights as Writable)
      if (!folder) return new OnnxSession(ort, await create(await bytesOf(encode())))
      if (compact) collectGarbage()
      try {
        return new OnnxSession(ort, await create(bytes, folder.path), folder)
      } finally {
        // Mapped weights no longer need a file name.
        await folder.remove()
      }
    },
  }
}

async function bytesOf(model: Writable): Promise<Uint8Array> {
  const sink = memorySink(model.byteLength)
  await model.write(sink)
  return sink.finish()
}

/** A session in native memory. */
class OnnxSession implements Session {
  readonly #ort: typeof Ort
  readonly #session: Ort.InferenceSession
  readonly #weights?: WeightFolder

  constructor(ort: typeof Ort, session: Ort.InferenceSession, weights?: WeightFolder) {
    this.#ort = ort
    this.#session = session
    this.#weights = weights
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      new this.#ort.Tensor('float32', data, shape),
    ])
    const outputs = await native('run the network', () => this.#session.run(Object.fromEntries(inputs)))
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data, dims }]) => [
        name,
        { data: data as Float32Array, shape: dims },
      ]),
    )
  }

  async dispose(): Promise<void> {
    await this.#session.release()
    await this.#weights?.remove()
  }
}

/** @throws `runtime-unavailable` */
export async function loadOnnxRuntime(): Promise<typeof Ort> {
  try {
    const module = await import('onnxruntime-node')
    return module.default ?? module
  } catch (cause) {
    throw new InverseFormError(
      'runtime-unavailable',
      `onnxruntime-node cannot be loaded on ${process.platform}-${process.arch}: ${(cause as Error).message}.`,
      {
        hint: 'It has binaries for Linux and Windows (x64, arm64) and for macOS on Apple silicon. On these platforms, install it again.',
        cause,
      },
    )
  }
}

/**
 * Frees the buffers that weights were read into. The garbage collector does not see the native memory that is allocated
 * next, and an idle thread allocates nothing that would start it: hundreds of megabytes would stay in use.
 */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  collect()
}

/** Runs a call into ONNX Runtime and converts its errors. */
async function native<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    const message = readable((cause as Error).message)
    if (/bad_alloc|failed to allocate|out of memory|8007000e/i.test(message)) {
      throw new InverseFormError('out-of-memory', `There was not enough memory to ${what}.`, {
        hint: 'Use smaller scales, tiles, a smaller model, or a machine with more memory.',
        cause,
      })
    }
    throw new InverseFormError('inference-failed', `ONNX Runtime could not ${what}: ${message}.`, {
      hint: 'Try another image size. Please report the message if it persists.',
      cause,
    })
  }
}

/** Returns ONNX Runtime's message without its source location and the failed condition. */
function readable(message: string): string {
  return message
    .replace(/^.*\/onnxruntime_src\/.* was false\. /s, '')
    .replace(/^\w+\.cc:\d+ \w+ /, '')
    .trim()
    .replace(/\.$/, '')
}
