import { availableParallelism, totalmem } from 'node:os'
import { isInverseFormError } from '@inverseform/errors'
import { type Attempt, type Candidate, failedAttempt } from '@inverseform/runtime'
import sharp from 'sharp'
import { type Device, devices } from '../../devices/devices.js'
import { type Gpu, pciGpus } from '../../devices/gpus.js'
import { type NativeDevices, nativeDevices, openDevice } from '../../devices/open-session.js'
import { loadNative } from '../../onnx/load.js'
import type { StartTask } from './task.js'

/** A device that was tried; `used` means that networks can run on it. */
export interface DeviceDiagnosis extends Attempt<Device> {
  /** How to make it usable. */
  readonly hint?: string
  /** Milliseconds that the attempt took. */
  readonly time: number
}

export interface Diagnosis {
  readonly versions: { readonly onnxruntime: string; readonly sharp: string; readonly node: string }
  /** For example `linux-x64`. */
  readonly platform: string
  /** What ONNX Runtime is built with; those that are not bundled are installed separately. */
  readonly providers: readonly { readonly name: string; readonly bundled: boolean }[]
  /** Every device of the build, tried in float32 and, if that works and it is a GPU, in float16. */
  readonly devices: readonly DeviceDiagnosis[]
  /** The device that `auto` uses here in float32, and the devices tried before it. */
  readonly auto: { readonly device: Device; readonly attempts: readonly Attempt<Device>[] }
  /** The GPUs on Linux's PCI bus; empty on other systems. */
  readonly gpus: readonly Gpu[]
  /** Linux's kernel drivers of GPUs, and the Vulkan drivers that WebGPU found. */
  readonly drivers: { readonly gpu: readonly string[]; readonly vulkan: readonly string[] }
  readonly threads: number
  /** In bytes. */
  readonly memory: { readonly total: number; readonly available: number }
}

export interface DiagnosisTask {
  readonly settings: undefined
  readonly loaded: Diagnosis
  readonly request: never
  readonly result: never
}

/** Tries every device; accepts no requests. */
export const startDiagnosis: StartTask<DiagnosisTask> = async () => {
  const threads = availableParallelism()
  const native = await nativeDevices({ threads, selfCheckCache: false })
  const answers: DeviceDiagnosis[] = []
  for (const device of devices.filter((name) => native.providers.includes(name))) {
    const answer = await answerOf({ device, precision: 'float32' }, native)
    answers.push(answer)
    if (device === 'cpu' || device === 'wasm' || answer.outcome !== 'used') continue
    answers.push(await answerOf({ device, precision: 'float16' }, native))
  }
  const backends = native.missing ? [] : (await loadNative()).ort.listSupportedBackends()
  const auto = await openDevice({ device: 'auto', precision: 'float32', selfCheck: 'refuse' }, native)
  const { platform, arch, version } = process
  const onLinux = platform === 'linux'
  const loaded: Diagnosis = {
    versions: {
      onnxruntime: native.version,
      sharp: sharp.versions.sharp as string,
      node: version.slice(1),
    },
    platform: `${platform}-${arch}`,
    providers: [...backends.map(({ name, bundled }) => ({ name, bundled })), { name: 'wasm', bundled: true }],
    devices: answers,
    auto: { device: auto.device, attempts: auto.attempts },
    gpus: onLinux ? pciGpus() : [],
    drivers: {
      gpu: onLinux ? native.machine.gpuDrivers() : [],
      vulkan: onLinux ? native.machine.vulkanDrivers() : [],
    },
    threads,
    memory: { total: totalmem(), available: process.availableMemory() },
  }
  const run = () => Promise.reject(new Error('A diagnosis accepts no requests.'))
  return { loaded, run, buffersOf: () => [], dispose: async () => {} }
}

async function answerOf(candidate: Candidate<Device>, native: NativeDevices): Promise<DeviceDiagnosis> {
  const started = performance.now()
  const time = () => performance.now() - started
  try {
    const { attempts } = await openDevice({ ...candidate, selfCheck: 'refuse' }, native)
    return { ...attempts[0], disagreement: attempts[0].disagreement, time: time() }
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    return { ...failedAttempt(candidate, error), hint: error.hint, time: time() }
  }
}
