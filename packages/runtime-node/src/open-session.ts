import type { Graph } from '@inverseform/backbones'
import { isInverseFormError } from '@inverseform/errors'
import type { Backend, Session } from '@inverseform/runtime'
import { type Providers, probe, remedies, requireGpu, softwareDriver } from './device-probe.js'
import { autoDevices, type Device } from './devices.js'
import { type Attempt, type Climb, climb, notUsable } from './ladder.js'
import { type Machine, thisMachine } from './machine.js'
import { loadOnnxRuntime, onnxBackend } from './onnx-backend.js'
import type { DeviceSettings } from './options.js'
import { type CheckOutputs, disagreement, runCheck, SELF_CHECK_TOLERANCE } from './self-check.js'

/** Where devices come from: the machine and ONNX Runtime, or what a test puts in their place. */
export interface DeviceSource {
  readonly machine: Machine
  providers(): Promise<Providers>
  backend(device: Device): Promise<Backend>
}

export const nativeDevices = ({
  threads,
  deviceId,
}: {
  threads: number
  deviceId?: number
}): DeviceSource => ({
  machine: thisMachine,
  async providers() {
    return (await loadOnnxRuntime()).listSupportedBackends().map(({ name }) => name)
  },
  backend: (device) => onnxBackend(device, threads, { deviceId }),
})

/**
 * Makes a network ready to run on the device that was asked for, or on the best there is.
 * @throws `runtime-unavailable` for a device that was asked for and is not usable
 */
export function openSession(
  graph: Graph,
  settings: DeviceSettings & { readonly threads: number },
  source: DeviceSource = nativeDevices(settings),
): Promise<Climb<Session>> {
  const auto = settings.device === 'auto'
  const devices = settings.device === 'auto' ? autoDevices(source.machine.platform) : [settings.device]
  return climb(devices, async (device) => {
    const { opened, ...said } = await startDevice(device, { auto, selfCheck: settings.selfCheck }, source)
    return { opened: await opened.createSession(graph), ...said }
  })
}

/**
 * Starts a device and checks it against the CPU.
 * @param auto pass over a device that computes on the CPU by other means
 * @throws `runtime-unavailable`, with the rung's outcome in its details
 */
export async function startDevice(
  device: Device,
  { auto, selfCheck }: Pick<DeviceSettings, 'selfCheck'> & { readonly auto: boolean },
  { machine, providers, backend }: DeviceSource,
): Promise<Attempt<Backend>> {
  probe(device, await providers(), machine)
  if (auto) requireGpu(device, machine)
  const opened = await backend(device)
  if (device === 'cpu') return { opened, reason: 'The CPU is always there.' }

  const outputs = await started(device, opened)
  const software = softwareDriver(device, machine)
  if (software && auto) {
    const reason = `Its driver, ${software}, computes on the CPU, slower than ONNX Runtime does.`
    throw notUsable({ device, outcome: 'refused', reason }, { hint: remedies[device] })
  }
  const driver = software ? ` Its driver, ${software}, computes on the CPU.` : ''
  if (selfCheck === 'skip') return { opened, reason: `It was not compared with the CPU.${driver}` }

  const share = disagreement(outputs, await runCheck(await backend('cpu')))
  if (share <= SELF_CHECK_TOLERANCE) {
    const reason = `It agrees with the CPU within ${share.toExponential(0)} of the largest value.${driver}`
    return { opened, reason, disagreement: share }
  }
  const reason = Number.isFinite(share)
    ? `The device ${device} disagrees with the CPU by ${(100 * share).toFixed(1)} % of the largest value.`
    : `The device ${device} gives values that are not finite where the CPU's are.`
  if (selfCheck === 'warn') return { opened, reason, disagreement: share }
  throw notUsable(
    { device, outcome: 'refused', reason, disagreement: share },
    {
      hint: "Update the device's driver, or take another device; the self-check set to `warn` uses this one all the same.",
    },
  )
}

/** The check's outputs; a device that cannot even run it does not work here at all. */
async function started(device: Device, backend: Backend): Promise<CheckOutputs> {
  try {
    return await runCheck(backend)
  } catch (cause) {
    if (!isInverseFormError(cause)) throw cause
    const reason = `The device ${device} cannot be used: ${cause.message}`
    throw notUsable({ device, outcome: 'failed', reason }, { hint: remedies[device], cause })
  }
}
