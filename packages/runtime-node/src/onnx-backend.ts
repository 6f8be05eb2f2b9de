import {
  type EncodeOnnxOptions,
  encodeOnnx,
  memorySink,
  type WeightPrecision,
  type Writable,
} from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Backend, Precision, Session, Tensor } from '@inverseform/runtime'
import type * as Ort from 'onnxruntime-node'
import { collectGarbage } from './collect-garbage.js'
import { graphFor } from './device-graph.js'
import type { Device } from './devices.js'
import { WEIGHT_FILE, type WeightFolder, writeWeightFolder } from './weight-folder.js'

export interface BackendOptions {
  /** Which of several devices of the kind, from 0. */
  readonly deviceId?: number
  /** What networks compute in; their inputs and outputs are float32 all the same. `float32` unless given. */
  readonly compute?: Precision
  /**
   * Store weights in this precision and keep them so, instead of in the layout that runs fastest: for networks that are
   * mostly weights.
   */
  readonly compact?: WeightPrecision
}

/** How ONNX Runtime is kept from making copies of weights. */
const compactSession: Readonly<Record<WeightPrecision, Ort.InferenceSession.SessionOptions>> = {
  // Weights stay where they are mapped; a product packs what it reads, block by block.
  float32: { extra: { session: { disable_prepacking: '1' } } },
  // Optimising would make them float32 while loading, for good.
  float16: { graphOptimizationLevel: 'disabled' },
  // Optimising fuses them with their products to MatMulNBits, in the largest blocks that its kernels take.
  int8: { extra: { session: { qdq_matmulnbits_block_size: '-1' } } },
}

/**
 * ONNX Runtime's native library, on a device.
 * Its calls block the thread they are made on, which is why this runs in a worker.
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
    // Sizes change from image to image; a pattern learnt from one would only hold on to its memory.
    enableMemPattern: false,
    // On every device but the CPU it warns that sizes are computed on the CPU, which is as it should be.
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
    async createSession(network) {
      const graph = graphFor(device, network)
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
        // Once mapped, the weights need no name any more.
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

class OnnxSession implements Session {
  constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    private readonly weights?: WeightFolder,
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
    await this.weights?.remove()
  }
}

export async function loadOnnxRuntime(): Promise<typeof Ort> {
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
    const message = readable((cause as Error).message)
    if (/bad_alloc|failed to allocate|out of memory|8007000e/i.test(message)) {
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

/** ONNX Runtime's message without the place in its source and the condition that did not hold. */
function readable(message: string): string {
  return message
    .replace(/^.*\/onnxruntime_src\/.* was false\. /s, '')
    .replace(/^\w+\.cc:\d+ \w+ /, '')
    .trim()
    .replace(/\.$/, '')
}
