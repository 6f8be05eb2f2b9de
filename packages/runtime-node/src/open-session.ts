import { type Graph, imageInput, relu } from '@inverseform/backbones'
import { isInverseFormError } from '@inverseform/errors'
import {
  type Attempt,
  type Backend,
  type Candidate,
  type Climb,
  climb,
  disagreement,
  disagreementReason,
  notUsable,
  type Precision,
  runCheck,
  runTrial,
  SELF_CHECK_TOLERANCE,
  type Session,
  tryNetwork,
} from '@inverseform/runtime'
import { type Providers, probe, remedies, requireGpu, softwareDriver } from './device-probe.js'
import { autoDevices, type Device } from './devices.js'
import { type Machine, thisMachine } from './machine.js'
import { loadOnnxRuntime, onnxBackend } from './onnx-backend.js'
import type { DeviceSettings } from './options.js'
import { userVerdicts, type VerdictStore } from './self-check-cache.js'
import { version } from './version.js'

/** Where devices come from: the machine and ONNX Runtime, or what a test puts in their place. */
export interface DeviceSource {
  readonly machine: Machine
  /** Which of several devices of a kind. */
  readonly deviceId?: number
  /** The version of ONNX Runtime. */
  readonly version: string
  readonly providers: Providers
  /** Verdicts of former checks; without them every check is made. */
  readonly verdicts?: VerdictStore
  backend(candidate: Candidate<Device>): Promise<Backend>
}

export async function nativeDevices({
  threads,
  deviceId,
  selfCheckCache,
}: Pick<DeviceSettings, 'deviceId' | 'selfCheckCache'> & { threads: number }): Promise<DeviceSource> {
  const ort = await loadOnnxRuntime()
  return {
    machine: thisMachine,
    deviceId,
    version: ort.env.versions.node as string,
    providers: ort.listSupportedBackends().map(({ name }) => name),
    verdicts: selfCheckCache ? userVerdicts() : undefined,
    backend: ({ device, precision }) => onnxBackend(device, threads, { deviceId, compute: precision }),
  }
}

/** What to try, in order. Where `auto` may choose, float32 comes after float16; the CPU computes in nothing else. */
export function candidatesOf(
  { device, precision }: Pick<DeviceSettings, 'device' | 'precision'>,
  platform: NodeJS.Platform,
): Candidate<Device>[] {
  const devices = device === 'auto' ? autoDevices(platform) : [device]
  return devices.flatMap((name): Candidate<Device>[] => {
    const inFloat32 = { device: name, precision: 'float32' } as const
    if (name === 'cpu' || precision === 'float32') return [inFloat32]
    const inFloat16 = { device: name, precision }
    return device === 'auto' ? [inFloat16, inFloat32] : [inFloat16]
  })
}

/**
 * Makes a network ready to run on the device that was asked for, or on the best there is.
 * @throws `runtime-unavailable` for a device that was asked for and is not usable
 */
export function openSession(
  graph: Graph,
  settings: Omit<DeviceSettings, 'deviceId' | 'selfCheckCache'>,
  source: DeviceSource,
): Promise<Climb<Session, Device>> {
  const { selfCheck, precision } = settings
  const options = { auto: settings.device === 'auto', selfCheck, wanted: precision }
  const reference = async () => {
    const session = await (await source.backend({ device: 'cpu', precision: 'float32' })).createSession(graph)
    return runTrial(session).finally(() => session.dispose())
  }
  return climb(candidatesOf(settings, source.machine.platform), async (candidate) => {
    const { opened, ...said } = await startDevice(candidate, options, source)
    const session = await opened.createSession(graph)
    if (candidate.precision === 'float32') return { opened: session, ...said }
    try {
      const { reason, disagreement } = await tryNetwork(session, { ...candidate, selfCheck, reference })
      return { opened: session, ...said, ...(reason && { reason, disagreement }) }
    } catch (error) {
      await session.dispose()
      throw error
    }
  })
}

export interface StartOptions extends Pick<DeviceSettings, 'selfCheck'> {
  /** Pass over a device that computes on the CPU by other means. */
  readonly auto: boolean
  /** What the user wanted the network to compute in. */
  readonly wanted?: Precision
}

/**
 * Starts a device and checks it against the CPU.
 * @throws `runtime-unavailable`, with the rung's outcome in its details
 */
export async function startDevice(
  candidate: Candidate<Device>,
  { auto, selfCheck, wanted }: StartOptions,
  source: DeviceSource,
): Promise<Attempt<Backend>> {
  const { device } = candidate
  const { machine, providers } = source
  probe(device, providers, machine)
  if (auto) requireGpu(device, machine)
  const opened = await source.backend(candidate)
  if (device === 'cpu') return { opened, reason: reasonForCpu(wanted) }

  await working(candidate, source, () => start(opened))
  const software = softwareDriver(device, machine)
  if (software && auto) {
    const reason = `Its driver, ${software}, computes on the CPU, slower than ONNX Runtime does.`
    throw notUsable({ outcome: 'refused', reason }, { hint: remedies[device] })
  }
  const driver = software ? ` Its driver, ${software}, computes on the CPU.` : ''
  if (selfCheck === 'skip') return { opened, reason: `It was not compared with the CPU.${driver}` }

  const { share, wasKnown } = await checked(candidate, opened, source)
  const reason = disagreementReason(nameOf(candidate, source.deviceId), share)
  if (share <= SELF_CHECK_TOLERANCE) {
    const known = wasKnown ? ' This was found out before and kept.' : ''
    return { opened, reason: `${reason}${known}${driver}`, disagreement: share }
  }
  if (selfCheck === 'warn') return { opened, reason, disagreement: share }
  throw notUsable(
    { outcome: 'refused', reason, disagreement: share },
    {
      hint: "Update the device's driver, or take another device; the self-check set to `warn` uses this one all the same.",
    },
  )
}

function reasonForCpu(wanted: Precision = 'float32'): string {
  return wanted === 'float32'
    ? 'The CPU is always there.'
    : `The CPU is always there; it computes in float32, for its kernels would convert ${wanted} back and forth.`
}

/** How far a device is off the CPU: as it was found out before, or by running the check on both. */
async function checked(
  candidate: Candidate<Device>,
  opened: Backend,
  source: DeviceSource,
): Promise<{ share: number; wasKnown: boolean }> {
  const { machine, deviceId, version: onnxruntime, verdicts } = source
  const driver = verdicts ? machine.driverIdentity() : undefined
  const identity =
    driver === undefined ? undefined : { ...candidate, deviceId, onnxruntime, inverseform: version, driver }
  const known = identity && (await verdicts?.find(identity))
  if (known !== undefined) return { share: known, wasKnown: true }

  const outputs = await working(candidate, source, () => runCheck(opened))
  const expected = await runCheck(await source.backend({ device: 'cpu', precision: 'float32' }))
  const share = disagreement(outputs, expected)
  if (identity && share <= SELF_CHECK_TOLERANCE) await verdicts?.keep(identity, share)
  return { share, wasKnown: false }
}

/** Makes the least that a device can do ready, which starts it and loads its driver. */
async function start(backend: Backend): Promise<void> {
  const session = await backend.createSession({ outputs: { y: relu(imageInput('image', 3)) } })
  await session.dispose()
}

/** A device that cannot do even what its start and its check take does not work here at all. */
async function working<T>(
  candidate: Candidate<Device>,
  { deviceId }: DeviceSource,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!isInverseFormError(cause)) throw cause
    const reason = `The device ${nameOf(candidate, deviceId)} cannot be used: ${cause.message}`
    const inFloat32 = candidate.precision === 'float32' ? '' : 'In float32 it may work. '
    throw notUsable(
      { outcome: 'failed', reason },
      { hint: `${inFloat32}${remedies[candidate.device]}`, cause },
    )
  }
}

/** `cuda`, `cuda 1`, `cuda 1 (float16)` */
function nameOf({ device, precision }: Candidate<Device>, deviceId?: number): string {
  const name = deviceId === undefined ? device : `${device} ${deviceId}`
  return precision === 'float32' ? name : `${name} (${precision})`
}
