import type { Rung } from '@inverseform/runtime'
import type { Device } from './devices.js'
import type { Gpu } from './gpus.js'
import { WorkerClient } from './worker-client.js'

/** A device as it was found; `used` means that it can be. */
export interface DeviceDiagnosis extends Rung<Device> {
  /** What to do to make it usable. */
  readonly hint?: string
  /** Milliseconds until it answered. */
  readonly time: number
}

export interface Diagnosis {
  readonly versions: { readonly onnxruntime: string; readonly sharp: string; readonly node: string }
  /** e.g. `linux-x64` */
  readonly platform: string
  /** What onnxruntime-node is built with; those not bundled are installed by its install step. */
  readonly providers: readonly { readonly name: string; readonly bundled: boolean }[]
  /**
   * Every device of the build, and what it answered, the self-check included; one that works in float32 was asked in
   * float16 too, but for the CPU.
   */
  readonly devices: readonly DeviceDiagnosis[]
  /** What `auto` takes here, and why not those before it. */
  readonly auto: { readonly device: Device; readonly ladder: readonly Rung<Device>[] }
  /** The GPUs on Linux's PCI bus; of other systems and buses none are known. */
  readonly gpus: readonly Gpu[]
  /** Linux's kernel drivers of GPUs, and the Vulkan drivers that WebGPU found. */
  readonly drivers: { readonly gpu: readonly string[]; readonly vulkan: readonly string[] }
  readonly threads: number
  /** Bytes. */
  readonly memory: { readonly total: number; readonly available: number }
}

/**
 * Finds out what networks can run on here: tries each device of the installation, whether `auto` would or not. Nothing
 * that was found out before is relied on.
 * @throws InverseFormError `runtime-unavailable` where onnxruntime-node cannot be loaded
 */
export async function diagnose(): Promise<Diagnosis> {
  const { client, loaded } = await WorkerClient.start('diagnosis', undefined)
  await client.dispose()
  return loaded
}
