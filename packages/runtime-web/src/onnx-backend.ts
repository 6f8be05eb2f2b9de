import { encodeOnnx, forWebGpu, type Graph, imageInput, memorySink, relu } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Backend, Precision, Session, Tensor } from '@inverseform/runtime'
import * as ort from 'onnxruntime-web/webgpu'
import type { Gpu } from './gpu/gpu.js'
import type { GpuTensor } from './gpu/tensor.js'
import type { SegmenterSettings } from './options.js'

/** ONNX Runtime's version. */
export const onnxRuntimeVersion = (): string => ort.env.versions.web ?? ort.env.versions.common

/** Sets ONNX Runtime up; to be called once, before the first session. */
export function configureOnnxRuntime({
  threads,
  wasmPaths,
}: Pick<SegmenterSettings, 'threads' | 'wasmPaths'>): void {
  ort.env.logLevel = 'error'
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths
  ort.env.wasm.numThreads = crossOriginIsolated ? threads || navigator.hardwareConcurrency : 1
}

/** ONNX Runtime on WebAssembly. Its calls block the thread they are made on, which is why this runs in a worker. */
export function wasmBackend(): Backend {
  return {
    device: 'wasm',
    async createSession(graph) {
      const session = await load(graph, 'float32', { executionProviders: ['wasm'] })
      return {
        async run(feeds) {
          const inputs = mapValues(feeds, ({ data, shape }: Tensor) => new ort.Tensor('float32', data, shape))
          const outputs = await native('run the network', () => session.run(inputs))
          return mapValues(outputs, ({ data, dims }) => ({ data: data as Float32Array, shape: dims }))
        },
        dispose: () => session.release(),
      }
    },
  }
}

/** ONNX Runtime on a WebGPU device; what goes in and comes out stays in the device's memory. */
export function gpuBackend(gpu: Gpu, precision: Precision): Backend<GpuTensor> {
  return {
    device: 'webgpu',
    async createSession(graph) {
      const options: ort.InferenceSession.SessionOptions = {
        executionProviders: [{ name: 'webgpu', device: gpu.device }],
        preferredOutputLocation: 'gpu-buffer',
        // It warns that sizes are computed on the CPU, which is as it should be.
        logSeverityLevel: 3,
      }
      // ONNX Runtime destroys a device with the last of its sessions: this one stays.
      if (!kept.has(gpu))
        kept.set(gpu, load({ outputs: { y: relu(imageInput('x', 3)) } }, 'float32', options))
      await kept.get(gpu)
      return gpuSession(gpu, await gpu.settle(() => load(forWebGpu(graph), precision, options)))
    },
  }
}

const kept = new WeakMap<Gpu, Promise<ort.InferenceSession>>()

function gpuSession(gpu: Gpu, session: ort.InferenceSession): Session<GpuTensor> {
  return {
    async run(feeds) {
      const inputs = mapValues(feeds, ({ buffer, shape }) =>
        ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: shape }),
      )
      let outputs: Readonly<Record<string, ort.Tensor>> = {}
      try {
        await gpu.settle(async () => {
          outputs = await native('run the network', () => session.run(inputs))
        })
        // Without waiting, an abort would come when all of the work is given to the GPU already.
        await gpu.finish()
      } catch (error) {
        for (const tensor of Object.values(outputs)) tensor.dispose()
        throw error
      }
      return mapValues(outputs, (tensor) => ({
        buffer: tensor.gpuBuffer as GPUBuffer,
        shape: tensor.dims,
        free: () => tensor.dispose(),
      }))
    },
    dispose: () => session.release(),
  }
}

async function load(
  graph: Graph,
  precision: Precision,
  options: ort.InferenceSession.SessionOptions,
): Promise<ort.InferenceSession> {
  const model = encodeOnnx(graph, { compute: precision })
  const sink = memorySink(model.byteLength)
  await model.write(sink)
  return native('load the model', () =>
    ort.InferenceSession.create(sink.finish(), {
      // Sizes change from image to image; a pattern learnt from one would only hold on to its memory.
      enableMemPattern: false,
      ...options,
    }),
  )
}

const mapValues = <A, B>(values: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]))

async function native<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    // Emscripten throws C++ exceptions as bare numbers.
    const message = (cause instanceof Error ? cause.message : String(cause)).replace(/\.+$/, '')
    if (/no available backend/i.test(message)) {
      throw new InverseFormError('runtime-unavailable', `ONNX Runtime could not be loaded: ${message}.`, {
        hint: "Check that its files are where `wasmPaths` says, and that the page's policy allows 'wasm-unsafe-eval'.",
        cause,
      })
    }
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
