import { availableParallelism, totalmem } from 'node:os'
import { isInverseFormError } from '@inverseform/errors'
import { type Candidate, climb, rungOf } from '@inverseform/runtime'
import sharp from 'sharp'
import { type Device, devices } from '../devices.js'
import type { DeviceDiagnosis, Diagnosis } from '../diagnose.js'
import { pciGpus } from '../gpus.js'
import { loadOnnxRuntime } from '../onnx-backend.js'
import { candidatesOf, type DeviceSource, nativeDevices, startDevice } from '../open-session.js'
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
  const source = await nativeDevices({ threads, selfCheckCache: false })
  const answers: DeviceDiagnosis[] = []
  for (const device of devices.filter((name) => source.providers.includes(name))) {
    const answer = await answerOf({ device, precision: 'float32' }, source)
    answers.push(answer)
    if (device === 'cpu' || answer.outcome !== 'used') continue
    answers.push(await answerOf({ device, precision: 'float16' }, source))
  }
  const candidates = candidatesOf({ device: 'auto', precision: 'float32' }, process.platform)
  const { device, ladder } = await climb(candidates, (candidate) =>
    startDevice(candidate, { auto: true, selfCheck: 'refuse' }, source),
  )
  const { platform, arch, version } = process
  const onLinux = platform === 'linux'
  const loaded: Diagnosis = {
    versions: {
      onnxruntime: source.version,
      sharp: sharp.versions.sharp as string,
      node: version.slice(1),
    },
    platform: `${platform}-${arch}`,
    providers: ort.listSupportedBackends().map(({ name, bundled }) => ({ name, bundled })),
    devices: answers,
    auto: { device, ladder },
    gpus: onLinux ? pciGpus() : [],
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

async function answerOf(candidate: Candidate<Device>, source: DeviceSource): Promise<DeviceDiagnosis> {
  const started = performance.now()
  const time = () => performance.now() - started
  try {
    const said = await startDevice(candidate, { auto: false, selfCheck: 'refuse' }, source)
    return {
      ...candidate,
      outcome: 'used',
      reason: said.reason,
      disagreement: said.disagreement,
      time: time(),
    }
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    return { ...rungOf(candidate, error), hint: error.hint, time: time() }
  }
}
