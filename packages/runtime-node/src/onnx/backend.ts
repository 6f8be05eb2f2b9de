import { join } from 'node:path'
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
import { type FoundModel, MODEL_FILE, type ModelCache, WEIGHT_FILE } from '../model-cache/index.js'
import { processorIdentity } from '../model-cache/processor.js'
import { version as packageVersion } from '../version.js'
import { loadNative, loadWasm, type OnnxRuntime } from './load.js'
import { type WeightFolder, writeWeightFolder } from './weight-folder.js'

export interface BackendOptions {
  /** Which of several devices of a kind, from 0. */
  readonly deviceId?: number
  /** What networks compute in; `float32` by default. Inputs and outputs are float32 in any case. */
  readonly compute?: Precision
  /**
   * Stores weights in this precision, instead of in the layout that runs fastest: for networks that are mostly weights.
   */
  readonly compact?: WeightPrecision
  /** Keeps networks as they are optimized for the CPU. All of them must be of the cache's checkpoint. */
  readonly modelCache?: ModelCache
}

/** Networks with fewer bytes of weights load faster than their cached files could be checked. */
const SMALLEST_CACHED = 2 ** 20

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
  { compact, compute, deviceId, modelCache }: BackendOptions = {},
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
  const create = (model: Uint8Array, folder?: string, more?: InferenceSession.SessionOptions) => {
    const { extra, ...rest } = { ...(compact && compactSession[compact]), ...more }
    const external = folder && { model_external_initializers_file_folder_path: folder }
    const session = { ...(extra?.session as object), ...external }
    return call('load the model', () =>
      ort.InferenceSession.create(model, { ...options, ...rest, extra: { session } }),
    )
  }

  /** Loads a cached model; returns undefined if it is damaged, or has been removed meanwhile. */
  async function createOptimized({ model, folder, isIntact }: FoundModel) {
    const creating = create(model, folder, { graphOptimizationLevel: 'disabled' })
    const session = await creating.catch(() => undefined)
    if (await isIntact) return session
    await session?.release()
    return undefined
  }

  /** Loads a model whose weights are in a folder, and keeps it as ONNX Runtime has optimized it. */
  async function createAndKeep(model: Uint8Array, folder: string, cache: ModelCache, key: string) {
    const kept = await cache.begin(key)
    if (!kept) return create(model, folder)
    try {
      const session = await create(model, folder, {
        optimizedModelFilePath: join(kept.folder, MODEL_FILE),
        extra: { session: { optimized_model_external_initializers_file_name: WEIGHT_FILE } },
        // It warns that the file fits this processor alone, which is part of the key.
        logSeverityLevel: 3,
      })
      await kept.publish()
      return session
    } catch {
      // The disk may be full. If it is something else, it happens again.
      await kept.discard()
      return create(model, folder)
    }
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
      const weights = model.weights as Writable
      const bytes = await bytesOf(model)
      // Other devices compile networks for themselves, and cannot write down the result.
      const cache = device === 'cpu' && weights.byteLength >= SMALLEST_CACHED ? modelCache : undefined
      const versions = [packageVersion, ort.env.versions.node ?? '']
      const key = await cache?.keyOf([...versions, await processorIdentity(), compact ?? '', bytes])
      const found = key && (await cache?.find(key))
      if (found) {
        const session = await createOptimized(found)
        if (session) return new OnnxSession(ort, call, session)
      }
      const folder = await writeWeightFolder(weights)
      if (!folder) return inMemory()
      if (compact) collectGarbage()
      try {
        const session =
          cache && key ? createAndKeep(bytes, folder.path, cache, key) : create(bytes, folder.path)
        return new OnnxSession(ort, call, await session, folder)
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
