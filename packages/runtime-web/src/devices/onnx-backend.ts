import { memorySink } from '@inverseform/backbones'
import { type Graph, imageInput, relu } from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import {
  type Backend,
  callOnnxRuntime,
  type Precision,
  type Session,
  type Tensor,
} from '@inverseform/runtime'
import * as ort from 'onnxruntime-web/webgpu'
import type { Gpu } from '../gpu/gpu.js'
import type { GpuTensor } from '../gpu/tensor.js'
import type { SegmenterSettings } from '../options.js'

/** Returns the version of ONNX Runtime. */
export const onnxRuntimeVersion = (): string => ort.env.versions.web ?? ort.env.versions.common

/** Configures ONNX Runtime. Call it once, before the first session. */
export function configureOnnxRuntime({
  threads,
  wasmPaths,
}: Pick<SegmenterSettings, 'threads' | 'wasmPaths'>): void {
  ort.env.logLevel = 'error'
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths
  ort.env.wasm.numThreads = crossOriginIsolated ? threads || navigator.hardwareConcurrency : 1
}

/** Runs networks with ONNX Runtime on WebAssembly. Its calls block the thread, so it belongs in a worker. */
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

/**
 * Runs networks with ONNX Runtime on a WebGPU device. Inputs and outputs stay in the memory of the device. Graphs must be
 * in the form that `forWebGpu` gives them.
 */
export function gpuBackend(gpu: Gpu, precision: Precision): Backend<GpuTensor> {
  return {
    device: 'webgpu',
    async createSession(graph) {
      const options: ort.InferenceSession.SessionOptions = {
        executionProviders: [{ name: 'webgpu', device: gpu.device }],
        preferredOutputLocation: 'gpu-buffer',
        // Hides the warnings that sizes are computed on the CPU, which is intended.
        logSeverityLevel: 3,
      }
      // ONNX Runtime destroys a device with the last of its sessions, so one tiny session stays open.
      if (!kept.has(gpu)) {
        kept.set(gpu, load({ outputs: { y: relu(imageInput('x', 3)) } }, 'float32', options))
      }
      await kept.get(gpu)
      return gpuSession(gpu, await gpu.settle(() => load(graph, precision, options)))
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
        // Without waiting, all work would be queued on the GPU before an abort arrives.
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
      // Sizes change from image to image; a pattern learned from one size would only hold memory.
      enableMemPattern: false,
      ...options,
    }),
  )
}

const mapValues = <A, B>(values: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]))

const native = <T>(what: string, call: () => Promise<T>): Promise<T> =>
  callOnnxRuntime(
    what,
    {
      outOfMemory: 'Use smaller scales, a smaller `memoryBudget`, tiles, or a smaller model.',
      failed: 'Try another image size. If the error stays, report the message.',
    },
    call,
  )
