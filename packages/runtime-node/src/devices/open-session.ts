import {
  forCpu,
  forWebGpu,
  type Graph,
  imageInput,
  type PassName,
  relu,
  withoutQuantization,
} from '@inverseform/backbones/graph'
import { type InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  type Attempt,
  type Backend,
  type Candidate,
  type DeviceSource,
  findBestDevice,
  type LoadedNetwork,
  type NetworkOnDevice,
  notUsable,
  type OpenedDevice,
  openOnBestDevice,
  type Precision,
  type SelfCheckOption,
  type StartedDevice,
  type VerdictStore,
} from '@inverseform/runtime'
import type { ModelCache } from '../model-cache/index.js'
import { onnxBackend } from '../onnx/backend.js'
import { loadNative, loadWasm } from '../onnx/load.js'
import { version as packageVersion } from '../version.js'
import { autoDevices, type Device } from './devices.js'
import { type Machine, thisMachine } from './machine.js'
import { checkGpu, checkInstalled, type Providers, remedies, softwareDriver } from './probe.js'
import { userVerdicts, verdictKey } from './self-check-cache.js'

/** Where devices come from: the machine and ONNX Runtime, or the fakes of a test. */
export interface NativeDevices {
  readonly machine: Machine
  /** Which of several devices of a kind. */
  readonly deviceId?: number
  /** The version of ONNX Runtime. */
  readonly version: string
  readonly providers: Providers
  /** Why there is no native library; then only WebAssembly runs. */
  readonly missing?: InverseFormError
  /** Verdicts of earlier self-checks; without a store, devices are checked each time. */
  readonly verdicts?: VerdictStore
  backend(candidate: Candidate<Device>): Promise<Backend>
}

/** Returns the devices of this machine. */
export async function nativeDevices({
  threads,
  deviceId,
  selfCheckCache,
  modelCache,
}: {
  readonly threads: number
  readonly deviceId?: number
  readonly selfCheckCache: boolean
  readonly modelCache?: ModelCache
}): Promise<NativeDevices> {
  const common = {
    deviceId,
    verdicts: selfCheckCache ? userVerdicts() : undefined,
    backend: ({ device, precision }: Candidate<Device>) =>
      onnxBackend(device, threads, { deviceId, compute: precision, modelCache }),
  }
  try {
    const { ort, libraries } = await loadNative()
    const backends = ort.listSupportedBackends()
    return {
      ...common,
      machine: thisMachine(libraries),
      version: ort.env.versions.node as string,
      providers: [...backends.map(({ name }) => name), 'wasm'],
    }
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    const { web, common: api } = (await loadWasm(threads)).env.versions
    return { ...common, machine: thisMachine(), version: web ?? api, providers: ['wasm'], missing: error }
  }
}

export interface OpenOptions {
  readonly device: Device | 'auto'
  readonly precision: Precision | 'auto'
  readonly selfCheck: SelfCheckOption
  /** The passes that have run on the network, if the user has chosen them. */
  readonly passes?: readonly PassName[]
  /** Called when a device has started, before it loads anything. */
  readonly onTry?: (device: Device) => void
}

/**
 * Loads a network on the device that is named, or on the best one.
 * @throws `runtime-unavailable` for a named device that is not usable
 */
export function openSession(
  graph: Graph,
  options: OpenOptions,
  native: NativeDevices,
): Promise<NetworkOnDevice<LoadedNetwork, Device>> {
  return openOnBestDevice(graph, choiceOf(options, native), deviceSource(options, native))
}

/**
 * Starts the device that is named, or the best one, and checks it.
 * @throws as `openSession`
 */
export function openDevice(
  options: OpenOptions,
  native: NativeDevices,
): Promise<OpenedDevice<StartedDevice, Device>> {
  return findBestDevice(choiceOf(options, native), deviceSource(options, native))
}

/** With `auto`, devices without float16 are still used, in float32. */
function choiceOf({ device, precision, ...rest }: OpenOptions, { machine, missing }: NativeDevices) {
  if (device !== 'auto') return { ...rest, devices: [device], precision }
  const wanted = precision === 'float16' ? 'auto' : precision
  const devices: readonly Device[] = missing ? ['cpu', 'wasm'] : autoDevices(machine.platform)
  return { ...rest, devices, precision: wanted }
}

function deviceSource(
  { device: named, precision, passes }: OpenOptions,
  native: NativeDevices,
): DeviceSource<Device> {
  const { machine, providers, deviceId, missing } = native
  const auto = named === 'auto'
  const reference: Device = missing ? 'wasm' : 'cpu'
  const openReference = () => native.backend({ device: reference, precision: 'float32' })

  /** @throws `runtime-unavailable`, without starting the device */
  function checkAvailable(device: Device): void {
    if (missing && device !== 'wasm') {
      throw notUsable(
        { outcome: 'unavailable', reason: missing.message },
        { hint: missing.hint ?? remedies.cpu, cause: missing },
      )
    }
    checkInstalled(device, providers, machine)
    if (auto) checkGpu(device, machine)
  }

  async function start(candidate: Candidate<Device>): Promise<StartedDevice> {
    const { device } = candidate
    checkAvailable(device)
    const backend = await native.backend(candidate)
    const load = async (graph: Graph) => ({ onArrays: await backend.createSession(graph) })
    const name = nameOf(candidate, deviceId)
    if (device === 'cpu' || device === 'wasm') {
      // WebAssembly has one form for all processors.
      const avx512 = device === 'cpu' ? await machine.hasAvx512() : undefined
      return { name, load, prepare: passes ? undefined : (graph) => forCpu(graph, { avx512 }) }
    }
    const describeFailure = (cause: Error) => deviceFailed(candidate, name, cause)
    try {
      await startUp(backend)
    } catch (error) {
      throw isInverseFormError(error) ? describeFailure(error) : error
    }
    const software = softwareDriver(device, machine)
    if (software && auto) {
      const reason = `Its driver, ${software}, computes on the CPU, more slowly than ONNX Runtime does.`
      throw notUsable({ outcome: 'refused', reason }, { hint: remedies[device] })
    }
    return {
      name,
      note: software && `Its driver, ${software}, computes on the CPU.`,
      verdictKey: native.verdicts && keyOf(candidate, native),
      prepare: device === 'webgpu' ? forWebGpu : withoutQuantization,
      load,
      describeFailure,
    }
  }

  return {
    reference,
    openReference,
    referenceReason: () => (missing ? WASM_REASON : cpuReason(precision)),
    async hasFloat16(device) {
      // TensorRT's engines for the check and the trial in float16 would take minutes to build.
      if (device === 'tensorrt' || device === 'cpu' || device === 'wasm') return false
      try {
        checkAvailable(device)
        return true
      } catch {
        return false
      }
    },
    // TensorRT would also build an engine for the trial.
    triesFloat32: false,
    start,
    verdicts: native.verdicts,
  }
}

const WASM_REASON =
  'WebAssembly runs everywhere, but more slowly than the native library, and on the CPU alone.'

function cpuReason(wanted: Precision | 'auto'): string {
  return wanted === 'float16'
    ? 'The CPU is always available. It computes in float32, because its kernels would convert float16 back and forth.'
    : 'The CPU is always available.'
}

/** Loads the smallest network, which starts the device and loads its driver. */
async function startUp(backend: Backend): Promise<void> {
  const session = await backend.createSession({ outputs: { y: relu(imageInput('image', 3)) } })
  await session.dispose()
}

/** Returns the error of a device that fails the smallest network or the check network. */
function deviceFailed({ device, precision }: Candidate<Device>, name: string, cause: Error) {
  const reason: Attempt['reason'] = `The device ${name} cannot be used: ${cause.message}`
  const inFloat32 = precision === 'float32' ? '' : 'In float32 it may work. '
  return notUsable({ outcome: 'failed', reason }, { hint: `${inFloat32}${remedies[device]}`, cause })
}

/** Must be called after the device has started, when its driver is known. */
function keyOf(candidate: Candidate<Device>, { machine, deviceId, version }: NativeDevices) {
  const driver = machine.driverIdentity()
  if (driver === undefined) return undefined
  return verdictKey({ ...candidate, deviceId, onnxruntime: version, inverseform: packageVersion, driver })
}

/** `cuda`, `cuda 1`, `cuda 1 (float16)` */
function nameOf({ device, precision }: Candidate<Device>, deviceId?: number): string {
  const name = deviceId === undefined ? device : `${device} ${deviceId}`
  return precision === 'float32' ? name : `${name} (${precision})`
}
