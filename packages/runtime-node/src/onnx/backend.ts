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
import {
  type Backend,
  callOnnxRuntime,
  type Precision,
  type Session,
  type Tensor,
} from '@inverseform/runtime'
import type { InferenceSession } from 'onnxruntime-common'
import type { Device } from '../devices/devices.js'
import { loadNative, loadWasm, type OnnxRuntime } from './load.js'
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
const compactSession: Readonly<Record<WeightPrecision, InferenceSession.SessionOptions>> = {
  // Weights stay in the mapped file; a product packs them block by block.
  float32: { extra: { session: { disable_prepacking: '1' } } },
  // The optimizer would convert weights to float32 while loading.
  float16: { graphOptimizationLevel: 'disabled' },
  // The optimizer fuses weights and products to MatMulNBits, in the largest blocks that its kernels support.
  int8: { extra: { session: { qdq_matmulnbits_block_size: '-1' } } },
}

/**
 * Returns ONNX Runtime on a device: the native library, or for `wasm` the WebAssembly build. Its calls block their thread, so
 * this runs in a worker. Graphs must be in the form that the device runs: for WebGPU, as `forWebGpu` rewrites them.
 */
export async function onnxBackend(
  device: Device,
  threads: number,
  { compact, compute, deviceId }: BackendOptions = {},
): Promise<Backend> {
  const isWasm = device === 'wasm'
  const ort = isWasm ? await loadWasm(threads) : (await loadNative()).ort
  const call = isWasm ? wasm : native
  const options: InferenceSession.SessionOptions = {
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
    return call('load the model', () =>
      ort.InferenceSession.create(model, { ...options, ...rest, extra: { session } }),
    )
  }

  return {
    device,
    async createSession(graph) {
      const encode = (options?: EncodeOnnxOptions) =>
        encodeOnnx(graph, { compute, precision: compact, ...options })
      const inMemory = async () => new OnnxSession(ort, call, await create(await bytesOf(encode())))
      // WebAssembly cannot map files.
      if (isWasm) return inMemory()
      const model = encode({ weightFile: WEIGHT_FILE })
      const bytes = await bytesOf(model)
      const folder = await writeWeightFolder(model.weights as Writable)
      if (!folder) return inMemory()
      if (compact) collectGarbage()
      try {
        return new OnnxSession(ort, call, await create(bytes, folder.path), folder)
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

/** A session in memory outside of JavaScript. */
class OnnxSession implements Session {
  readonly #ort: OnnxRuntime
  readonly #call: typeof native
  readonly #session: InferenceSession
  readonly #weights?: WeightFolder

  constructor(ort: OnnxRuntime, call: typeof native, session: InferenceSession, weights?: WeightFolder) {
    this.#ort = ort
    this.#call = call
    this.#session = session
    this.#weights = weights
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      new this.#ort.Tensor('float32', data, shape),
    ])
    const outputs = await this.#call('run the network', () => this.#session.run(Object.fromEntries(inputs)))
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

const hints = {
  outOfMemory:
    'WebAssembly has 4 GB. Use smaller scales, a smaller `memoryBudget`, tiles, or a smaller model.',
  failed: 'Try another image size. Please report the message if it persists.',
}

/** Runs a call into the WebAssembly build and converts its errors. */
const wasm = <T>(what: string, call: () => Promise<T>) => callOnnxRuntime(what, hints, call)

/** Runs a call into the native library and converts its errors. */
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
      hint: hints.failed,
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
