/// <reference types="@webgpu/types" />
import { notUsable } from '@inverseform/runtime'
import { Gpu } from './gpu.js'

/** What ONNX Runtime's kernels are written for where a device has more of it than WebGPU promises. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxBindGroups',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
  'maxTextureDimension2D',
] as const satisfies readonly (keyof GPUSupportedLimits)[]

const FEATURES = ['shader-f16', 'subgroups']

/** A GPU that was found and not started. */
export interface GpuAdapter {
  /** Whether software stands in for a GPU. */
  readonly software: boolean
  /** Whether it computes in float16. */
  readonly float16: boolean
  /** Tells GPUs apart, and their drivers as far as browsers do. */
  readonly identity: string
  /** @throws `runtime-unavailable` where the browser cannot start it */
  start(): Promise<Gpu>
}

/** @throws `runtime-unavailable`, saying why there is none */
export async function findGpu(): Promise<GpuAdapter> {
  if (!isSecureContext) {
    throw unavailable(
      'WebGPU needs a secure page: https, or localhost.',
      'Serve the page so, or use the device wasm.',
    )
  }
  const { gpu } = navigator
  if (!gpu) throw unavailable('This browser has no WebGPU.', 'Update the browser, or use the device wasm.')
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch((cause: Error) => {
    throw unavailable(`This browser does not say what GPU it has: ${cause.message}`, 'Use the device wasm.')
  })
  if (!adapter) {
    throw unavailable(
      'This browser has no GPU that it uses for WebGPU.',
      "Update the GPU's driver, see the browser's own page on its GPU (chrome://gpu), or use the device wasm.",
    )
  }
  // Some browsers had WebGPU before they told anything of adapters.
  const info: Partial<GPUAdapterInfo> = adapter.info ?? {}
  const { vendor, architecture, device, description, isFallbackAdapter = false } = info
  return {
    software: isFallbackAdapter,
    float16: adapter.features.has('shader-f16'),
    identity: [vendor, architecture, device, description].join(' '),
    start: () => start(adapter),
  }
}

async function start(adapter: GPUAdapter): Promise<Gpu> {
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    })
    return new Gpu(device)
  } catch (cause) {
    const reason = `The GPU could not be started: ${(cause as Error).message}`
    throw notUsable(
      { outcome: 'failed', reason },
      { hint: "Update the GPU's driver, or use the device wasm.", cause },
    )
  }
}

const unavailable = (reason: string, hint: string) => notUsable({ outcome: 'unavailable', reason }, { hint })
