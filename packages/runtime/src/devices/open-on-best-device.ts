import { type Graph, rewrite } from '@inverseform/backbones/graph'
import { type InverseFormError, isInverseFormError } from '@inverseform/errors'
import type { Backend, Session } from '../engine/backend.js'
import { runTrial, tryNetwork } from './network-trial.js'
import type { SelfCheckOption } from './options.js'
import {
  type CheckOutputs,
  disagreement,
  disagreementReason,
  runCheck,
  SELF_CHECK_TOLERANCE,
} from './self-check.js'
import {
  type Attempt,
  type Candidate,
  notUsable,
  type OpenedDevice,
  type Precision,
  tryDevices,
} from './try-devices.js'

/** A network that a device has loaded. Runtimes add what they need, such as a session for tensors on the GPU. */
export interface LoadedNetwork {
  /** Runs the network on tensors in main memory; disposing of it frees the network. */
  readonly onArrays: Session
}

/** A device that was started. `L` is a network on it. */
export interface StartedDevice<L extends LoadedNetwork = LoadedNetwork> {
  /** The name in reasons, such as `cuda 1 (float16)`. */
  readonly name: string
  /** A sentence on the device that the reason ends with. */
  readonly note?: string
  /** Identifies the device, its precision, its driver and all versions. Without a key no verdict is kept. */
  readonly verdictKey?: string
  /** Rewrites a network into the form that the device runs; by default it runs as it is. */
  prepare?(graph: Graph): Graph
  /** Loads a network, which `prepare` has rewritten, in this precision. */
  load(graph: Graph): Promise<L>
  /** Loads the network in float32 on the same device, to compare float16 with; the reference device by default. */
  loadFloat32?(graph: Graph): Promise<LoadedNetwork>
  /** Returns the error of an attempt whose device fails the check network. */
  describeFailure?(cause: InverseFormError): InverseFormError
}

/** Verdicts of earlier self-checks. A store never throws: what it cannot keep is checked again. */
export interface VerdictStore {
  /** Returns the disagreement that was found, if the device passed. */
  find(key: string): Promise<number | undefined>
  keep(key: string, disagreement: number): Promise<void>
}

/** Where a runtime gets its devices. `D` names them. */
export interface DeviceSource<D extends string, L extends LoadedNetwork = LoadedNetwork> {
  /** The device that others are compared with. It computes in float32 and needs no check. */
  readonly reference: D
  /** Starts the reference device, to compare with. */
  openReference(): Promise<Backend>
  /** Returns why the reference device is used, as a sentence. */
  referenceReason(): string
  /** Whether a device may compute in float16. `auto` tries float16 only then; it must not throw. */
  hasFloat16(device: D): Promise<boolean>
  /** Whether the network itself is run once before it is used, also in float32. Float16 always is. */
  readonly triesFloat32: boolean
  /**
   * Starts a device.
   * @throws `runtime-unavailable`, with the outcome in the details (see `notUsable`)
   */
  start(candidate: Candidate<D>): Promise<StartedDevice<L>>
  readonly verdicts?: VerdictStore
}

export interface DeviceChoice<D extends string> {
  /** In the order in which they are tried. */
  readonly devices: readonly D[]
  readonly precision: Precision | 'auto'
  readonly selfCheck: SelfCheckOption
  /** Identifies the network and its weights, if known: its verdict in float16 is then kept. */
  readonly networkKey?: string
  /** Called when a device has started, before it loads anything. */
  readonly onTry?: (device: D) => void
}

/** A network on the best device. */
export interface NetworkOnDevice<L extends LoadedNetwork, D extends string> extends OpenedDevice<L, D> {
  /** The network in the form that the device runs, to plan with. It does not hold the weights. */
  readonly graph: Graph
}

/**
 * Loads a network on the first device that can be used. A device must pass the self-check: a small network gives the same
 * results as on the reference device. In float16 the network itself must give the same results as in float32.
 *
 * @throws as `tryDevices`; errors of the checkpoint pass through
 */
export async function openOnBestDevice<D extends string, L extends LoadedNetwork>(
  graph: Graph,
  choice: DeviceChoice<D>,
  source: DeviceSource<D, L>,
): Promise<NetworkOnDevice<L, D>> {
  const check = selfChecker(source, choice.selfCheck)
  const candidates = await candidatesOf(choice, source)
  const { opened, ...rest } = await tryDevices(candidates, async (candidate) => {
    const device = await source.start(candidate)
    choice.onTry?.(candidate.device)
    const findings = await check(candidate, device)
    const prepared = prepare(device, graph)
    const loaded = await device.load(prepared)
    try {
      const trial = await tryLoaded(loaded, { graph, prepared, candidate, device, choice, source })
      return { opened: { loaded, prepared }, ...findings, ...trial }
    } catch (error) {
      await loaded.onArrays.dispose()
      throw error
    }
  })
  return { ...rest, opened: opened.loaded, graph: withoutWeights(opened.prepared) }
}

/**
 * Starts the best device and checks it, without a network.
 * @throws as `tryDevices`
 */
export async function findBestDevice<D extends string>(
  choice: Omit<DeviceChoice<D>, 'networkKey'>,
  source: DeviceSource<D>,
): Promise<OpenedDevice<StartedDevice, D>> {
  const check = selfChecker(source, choice.selfCheck)
  return tryDevices(await candidatesOf(choice, source), async (candidate) => {
    const opened = await source.start(candidate)
    return { opened, ...(await check(candidate, opened)) }
  })
}

/** Lists what to try, in order. `auto` tries float16 first where a device has it. */
async function candidatesOf<D extends string>(
  { devices, precision }: Pick<DeviceChoice<D>, 'devices' | 'precision'>,
  source: DeviceSource<D>,
): Promise<Candidate<D>[]> {
  const candidates: Candidate<D>[] = []
  for (const device of devices) {
    if (device === source.reference) {
      if (precision !== 'float16') candidates.push({ device, precision: 'float32' })
    } else if (precision !== 'auto') {
      candidates.push({ device, precision })
    } else {
      if (await source.hasFloat16(device)) candidates.push({ device, precision: 'float16' })
      candidates.push({ device, precision: 'float32' })
    }
  }
  return candidates
}

type Findings = Pick<Attempt, 'reason' | 'disagreement'>

/** Returns a function that compares a device with the reference, which runs at most once. */
function selfChecker<D extends string>(
  source: DeviceSource<D>,
  selfCheck: SelfCheckOption,
): (candidate: Candidate<D>, device: StartedDevice) => Promise<Findings> {
  const { verdicts } = source
  let reference: Promise<CheckOutputs> | undefined

  async function compare(device: StartedDevice): Promise<{ share: number; isOld: boolean }> {
    const { verdictKey } = device
    const earlier = verdictKey === undefined ? undefined : await verdicts?.find(verdictKey)
    if (earlier !== undefined) return { share: earlier, isOld: true }
    const outputs = await runCheckOn(device)
    const share = disagreement(outputs, await (reference ??= source.openReference().then(runCheck)))
    if (verdictKey !== undefined && share <= SELF_CHECK_TOLERANCE) await verdicts?.keep(verdictKey, share)
    return { share, isOld: false }
  }

  return async (candidate, device) => {
    if (candidate.device === source.reference) return { reason: source.referenceReason() }
    const note = device.note ? ` ${device.note}` : ''
    if (selfCheck === 'skip') return { reason: `It was not compared with the CPU.${note}` }
    const { share, isOld } = await compare(device)
    const reason = disagreementReason(device.name, share)
    if (share <= SELF_CHECK_TOLERANCE) {
      const age = isOld ? ' This is the result of an earlier check.' : ''
      return { reason: `${reason}${age}${note}`, disagreement: share }
    }
    if (selfCheck === 'warn') return { reason, disagreement: share }
    throw notUsable(
      { outcome: 'refused', reason, disagreement: share },
      {
        hint: 'Update the driver of the device, or use another device. To use this one anyway, set `selfCheck` to `warn`.',
      },
    )
  }
}

async function runCheckOn(device: StartedDevice): Promise<CheckOutputs> {
  try {
    return await runCheck({
      device: device.name,
      createSession: async (graph) => (await device.load(prepare(device, graph))).onArrays,
    })
  } catch (error) {
    throw isInverseFormError(error) && device.describeFailure ? device.describeFailure(error) : error
  }
}

interface Trial<D extends string> {
  readonly graph: Graph
  readonly prepared: Graph
  readonly candidate: Candidate<D>
  readonly device: StartedDevice
  readonly choice: DeviceChoice<D>
  readonly source: DeviceSource<D>
}

/** Runs the network itself; a verdict on float16 is kept if the network and its weights have a key. */
async function tryLoaded<D extends string>(
  { onArrays }: LoadedNetwork,
  { graph, prepared, candidate, device, choice, source }: Trial<D>,
): Promise<Partial<Findings>> {
  const { precision } = candidate
  if (candidate.device === source.reference || (precision === 'float32' && !source.triesFloat32)) return {}
  const { verdictKey } = device
  const { networkKey } = choice
  const key = networkKey === undefined || verdictKey === undefined ? undefined : `${verdictKey} ${networkKey}`
  const earlier = key === undefined ? undefined : await source.verdicts?.find(key)
  const { reason, disagreement } = await tryNetwork(onArrays, {
    precision,
    selfCheck: earlier === undefined ? choice.selfCheck : 'skip',
    async reference() {
      const session = device.loadFloat32
        ? (await device.loadFloat32(prepared)).onArrays
        : await (await source.openReference()).createSession(graph)
      return runTrial(session).finally(() => session.dispose())
    },
  })
  if (reason) return { reason, disagreement }
  if (key !== undefined && disagreement !== undefined) await source.verdicts?.keep(key, disagreement)
  return {}
}

const prepare = (device: StartedDevice, graph: Graph): Graph => device.prepare?.(graph) ?? graph

/** Returns a graph whose weights, and with them the checkpoint's bytes, may leave the memory. */
function withoutWeights(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    return value.op === 'constant' ? { ...value, attributes: { ...value.attributes, load } } : value
  })
}

const load = () => Promise.reject(new Error('This graph does not hold its weights.'))
