import { forCpu, forWebGpu } from '@inverseform/backbones/graph'
// A named import: a default import would put the whole file into the bundles.
import { version } from '../../package.json'
import { findGpu } from '../gpu/adapter.js'
import { type GpuEngine, gpuEngine } from '../gpu/engine.js'
import type { Gpu } from '../gpu/gpu.js'
import type { GpuTensor } from '../gpu/tensor.js'
import { gpuBackend, onnxRuntimeVersion, wasmBackend } from './onnx-backend.js'
import type { BrowserDevices, StartedGpu } from './open-session.js'
import { cachedVerdicts } from './verdicts.js'

export interface BrowserGpu extends StartedGpu<GpuTensor> {
  readonly gpu: Gpu
  readonly engine: GpuEngine
}

/** The devices of this browser. */
export const browserDevices: BrowserDevices<BrowserGpu> = {
  async findGpu() {
    const { identity, start, ...found } = await findGpu()
    return {
      ...found,
      identity: [version, onnxRuntimeVersion(), identity].join(' '),
      start: async () => startedGpu(await start()),
    }
  },
  wasm: wasmBackend,
  prepare: { wasm: forCpu, webgpu: forWebGpu },
  verdicts: cachedVerdicts,
}

export function startedGpu(gpu: Gpu): BrowserGpu {
  return {
    gpu,
    engine: gpuEngine(gpu),
    backend: (precision) => gpuBackend(gpu, precision),
    dispose: () => gpu.dispose(),
  }
}
