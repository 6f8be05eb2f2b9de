/// <reference types="@webgpu/types" />
import { notUsable } from '@inverseform/runtime'
import { Gpu } from './gpu.js'

/** Limits that ONNX Runtime's kernels use fully if a device has more than WebGPU guarantees. */
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

/** A GPU that was found but not started. */
export interface GpuAdapter {
  /** Whether the GPU is emulated in software. */
  readonly software: boolean
  /** Whether it computes in float16. */
  readonly float16: boolean
  /** Identifies the GPU and, as far as browsers tell, its driver. */
  readonly identity: string
  /** @throws `runtime-unavailable` if the browser cannot start it */
  start(): Promise<Gpu>
}

/** Finds the browser's GPU. @throws `runtime-unavailable`, with the reason */
export async function findGpu(): Promise<GpuAdapter> {
  if (!isSecureContext) {
    throw unavailable(
      'WebGPU needs a secure page: https or localhost.',
      'Serve the page over https, or use the device wasm.',
    )
  }
  const { gpu } = navigator
  if (!gpu) throw unavailable('This browser has no WebGPU.', 'Update the browser, or use the device wasm.')
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch((cause: Error) => {
    throw unavailable(`The browser refused to look for a GPU: ${cause.message}`, 'Use the device wasm.')
  })
  if (!adapter) {
    throw unavailable(
      'The browser has no GPU for WebGPU.',
      "Update the GPU's driver, see the browser's GPU page (chrome://gpu), or use the device wasm.",
    )
  }
  // Early browsers with WebGPU have no adapter info.
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
