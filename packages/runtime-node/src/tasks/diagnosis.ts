import { availableParallelism, totalmem } from 'node:os'
import { isInverseFormError } from '@inverseform/errors'
import sharp from 'sharp'
import { autoDevices, type Device, devices } from '../devices.js'
import type { DeviceDiagnosis, Diagnosis } from '../diagnose.js'
import { climb, rungOf } from '../ladder.js'
import { loadOnnxRuntime } from '../onnx-backend.js'
import { type DeviceSource, nativeDevices, startDevice } from '../open-session.js'
import type { StartTask } from './task.js'

export interface DiagnosisTask {
  readonly settings: undefined
  readonly loaded: Diagnosis
  readonly request: never
  readonly result: never
}

/** Finds out what there is to run on; takes no requests. */
export const startDiagnosis: StartTask<DiagnosisTask> = async () => {
  const ort = await loadOnnxRuntime()
  const threads = availableParallelism()
  const source = nativeDevices({ threads })
  const providers = ort.listSupportedBackends()
  const answers: DeviceDiagnosis[] = []
  for (const device of devices.filter((name) => providers.some((provider) => provider.name === name))) {
    answers.push(await answerOf(device, source))
  }
  const attempt = (device: Device) => startDevice(device, { auto: true, selfCheck: 'refuse' }, source)
  const { device, ladder } = await climb(autoDevices(process.platform), attempt)
  const { platform, arch, version } = process
  const onLinux = platform === 'linux'
  const loaded: Diagnosis = {
    versions: {
      onnxruntime: ort.env.versions.node as string,
      sharp: sharp.versions.sharp as string,
      node: version.slice(1),
    },
    platform: `${platform}-${arch}`,
    providers: providers.map(({ name, bundled }) => ({ name, bundled })),
    devices: answers,
    auto: { device, ladder },
    drivers: {
      gpu: onLinux ? source.machine.gpuDrivers() : [],
      vulkan: onLinux ? source.machine.vulkanDrivers() : [],
    },
    threads,
    memory: { total: totalmem(), available: process.availableMemory() },
  }
  const takesNone = () => Promise.reject(new Error('A diagnosis takes no requests.'))
  return { loaded, run: takesNone, buffersOf: () => [], dispose: async () => {} }
}

async function answerOf(device: Device, source: DeviceSource): Promise<DeviceDiagnosis> {
  const started = performance.now()
  const time = () => performance.now() - started
  try {
    const { reason, disagreement } = await startDevice(device, { auto: false, selfCheck: 'refuse' }, source)
    return { device, outcome: 'used', reason, disagreement, time: time() }
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    return { ...rungOf(device, error), hint: error.hint, time: time() }
  }
}
