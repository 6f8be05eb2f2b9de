// By name: of the whole file, bundles would carry all.
import { version } from '../../package.json'
import type { DeviceSource, StartedGpu } from '../devices.js'
import { gpuBackend, onnxRuntimeVersion, wasmBackend } from '../onnx-backend.js'
import { cachedVerdicts } from '../verdicts.js'
import { findGpu } from './adapter.js'
import { type GpuEngine, gpuEngine } from './engine.js'
import type { Gpu } from './gpu.js'
import type { GpuTensor } from './tensor.js'

export interface BrowserGpu extends StartedGpu<GpuTensor> {
  readonly gpu: Gpu
  readonly engine: GpuEngine
}

/** The devices of this browser. */
export const browserDevices: DeviceSource<BrowserGpu> = {
  async findGpu() {
    const { identity, start, ...found } = await findGpu()
    return {
      ...found,
      identity: [version, onnxRuntimeVersion(), identity].join(' '),
      start: async () => startedGpu(await start()),
    }
  },
  wasm: wasmBackend,
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
