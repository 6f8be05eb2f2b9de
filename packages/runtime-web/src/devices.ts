import type { Graph } from '@inverseform/backbones'
import {
  type Attempt,
  type Backend,
  type Candidate,
  type CheckOutputs,
  type Climb,
  climb,
  disagreement,
  disagreementReason,
  type Engine,
  notUsable,
  type Precision,
  type Rung,
  runCheck,
  runTrial,
  SELF_CHECK_TOLERANCE,
  type Session,
  type Tensor,
  tryNetwork,
} from '@inverseform/runtime'
import type { SelfCheckOption } from './options.js'
import type { Verdicts } from './verdicts.js'

/** Where networks can run, the best first. */
export const DEVICES = ['webgpu', 'wasm'] as const

export type Device = (typeof DEVICES)[number]

/** A GPU that was started. `M` is a tensor in its memory. */
export interface StartedGpu<M> {
  readonly engine: Pick<Engine<M, never>, 'download' | 'release'> & { upload(tensor: Tensor): M }
  backend(precision: Precision): Backend<M>
  dispose(): void
}

/** A GPU that was found and not started. */
export interface FoundGpu<G> {
  /** Whether software stands in for a GPU. */
  readonly software: boolean
  /** Whether it computes in float16. */
  readonly float16: boolean
  /** Tells GPUs apart, and whatever else a verdict on them depends on. */
  readonly identity: string
  /** @throws `runtime-unavailable` */
  start(): Promise<G>
}

/** Where devices come from: the browser and ONNX Runtime, or what a test puts in their place. */
export interface DeviceSource<G> {
  /** @throws `runtime-unavailable`, saying why there is none */
  findGpu(): Promise<FoundGpu<G>>
  wasm(): Backend
  readonly verdicts: Verdicts
}

export interface DeviceSettings {
  readonly devices: readonly Device[]
  readonly precision: Precision | 'auto'
  readonly selfCheck: SelfCheckOption
  /** What tells the network and its weights from others, where that is known. */
  readonly network?: string
}

/** A network made ready. */
export type Opened<M, G> =
  | { readonly device: 'wasm'; readonly session: Session }
  | { readonly device: 'webgpu'; readonly session: Session<M>; readonly gpu: G }

/**
 * Makes a network ready to run on the device that was asked for, or on the best there is.
 * @param onTry called before a device is given the network
 * @throws `runtime-unavailable` when none is usable; errors of the checkpoint pass through
 */
export async function openSession<M, G extends StartedGpu<M>>(
  graph: Graph,
  settings: DeviceSettings,
  source: DeviceSource<G>,
  onTry: (device: Device) => void = () => {},
): Promise<Climb<Opened<M, G>, Device>> {
  const found = once(() => source.findGpu())
  const reference = once(() => runCheck(source.wasm()))
  let started: G | undefined

  async function openWasm(): Promise<Attempt<Opened<M, G>>> {
    onTry('wasm')
    const threads = crossOriginIsolated
      ? 'on as many threads as asked for'
      : 'on one thread: the page is not cross-origin isolated'
    const session = await source.wasm().createSession(graph)
    return { opened: { device: 'wasm', session }, reason: `WebAssembly runs, ${threads}.` }
  }

  async function openGpu(precision: Precision): Promise<Attempt<Opened<M, G>>> {
    const { software, float16, identity, start } = await found()
    if (software && settings.devices.includes('wasm')) {
      const reason = 'The only GPU is one in software, which is slower than WebAssembly.'
      throw notUsable({ outcome: 'refused', reason }, { hint: 'Use the device wasm.' })
    }
    if (precision === 'float16' && !float16) {
      const reason = 'This GPU does not compute in float16: it has no shader-f16.'
      throw notUsable(
        { outcome: 'unavailable', reason },
        { hint: 'Leave `precision` at auto, or use float32.' },
      )
    }
    onTry('webgpu')
    const gpu = (started ??= await start())
    const backend: Backend<M> = gpu.backend(precision)
    const said = await selfCheck(onArrays(gpu, backend), reference, {
      option: settings.selfCheck,
      verdicts: source.verdicts,
      key: `${identity} ${precision}`,
    })
    const session = await backend.createSession(graph)
    try {
      const trial = await trialOf(gpu, session, precision, identity)
      return { opened: { device: 'webgpu', session, gpu }, ...said, ...trial }
    } catch (error) {
      await session.dispose()
      throw error
    }
  }

  /** The network's own trial; what float16 makes of it is remembered where its weights are known by a name. */
  async function trialOf(gpu: G, session: Session<M>, precision: Precision, identity: string) {
    const key = settings.network && `${identity} ${precision} ${settings.network}`
    const earlier = key && (await source.verdicts.find(key))
    const { reason, disagreement } = await tryNetwork(sessionOnArrays(gpu, session), {
      precision,
      selfCheck: earlier === undefined ? settings.selfCheck : 'skip',
      reference: async () => {
        const inFloat32 = await gpu.backend('float32').createSession(graph)
        return runTrial(sessionOnArrays(gpu, inFloat32)).finally(() => inFloat32.dispose())
      },
    })
    if (reason) return { reason, disagreement }
    if (key && disagreement !== undefined) await source.verdicts.keep(key, disagreement)
    return {}
  }

  try {
    const climbed = await climb(await candidatesOf(settings, found), ({ device, precision }) =>
      device === 'wasm' ? openWasm() : openGpu(precision),
    )
    if (climbed.device !== 'webgpu') started?.dispose()
    return climbed
  } catch (error) {
    started?.dispose()
    throw error
  }
}

/** WebAssembly computes in float32 alone; of a GPU float16 is the faster, where it has it. */
async function candidatesOf(
  { devices, precision }: DeviceSettings,
  found: () => Promise<FoundGpu<unknown>>,
): Promise<Candidate<Device>[]> {
  const candidates: Candidate<Device>[] = []
  for (const device of devices) {
    if (device === 'wasm') {
      if (precision !== 'float16') candidates.push({ device, precision: 'float32' })
    } else if (precision !== 'auto') {
      candidates.push({ device, precision })
    } else {
      const float16 = await found().then(
        (gpu) => gpu.float16,
        () => false,
      )
      if (float16) candidates.push({ device, precision: 'float16' })
      candidates.push({ device, precision: 'float32' })
    }
  }
  return candidates
}

interface SelfCheck {
  readonly option: SelfCheckOption
  readonly verdicts: Verdicts
  /** What a verdict depends on. */
  readonly key: string
}

/** Compares a GPU with WebAssembly, unless that was done before. */
async function selfCheck(
  backend: Backend,
  reference: () => Promise<CheckOutputs>,
  { option, verdicts, key }: SelfCheck,
): Promise<Pick<Rung, 'reason' | 'disagreement'>> {
  if (option === 'skip') return { reason: 'It was not compared with WebAssembly.' }
  const earlier = await verdicts.find(key)
  if (earlier !== undefined) {
    const reason = `${disagreementReason('webgpu', earlier)} That was found out at an earlier time.`
    return { reason, disagreement: earlier }
  }
  const share = disagreement(await runCheck(backend), await reference())
  const reason = disagreementReason('webgpu', share)
  if (share <= SELF_CHECK_TOLERANCE) await verdicts.keep(key, share)
  else if (option === 'refuse') {
    throw notUsable(
      { outcome: 'refused', reason, disagreement: share },
      {
        hint: "Update the GPU's driver, or use the device wasm; the self-check set to `warn` uses the GPU all the same.",
      },
    )
  }
  return { reason, disagreement: share }
}

/** A GPU's backend for tensors in main memory. */
function onArrays<M>(gpu: StartedGpu<M>, backend: Backend<M>): Backend {
  return {
    device: backend.device,
    createSession: async (graph) => sessionOnArrays(gpu, await backend.createSession(graph)),
  }
}

function sessionOnArrays<M>({ engine }: StartedGpu<M>, session: Session<M>): Session {
  return {
    async run(feeds) {
      const inputs = Object.entries(feeds).map(([name, tensor]) => [name, engine.upload(tensor)] as const)
      try {
        const outputs = Object.entries(await session.run(Object.fromEntries(inputs)))
        const downloads = outputs.map(
          async ([name, tensor]) => [name, await engine.download(tensor)] as const,
        )
        return Object.fromEntries(await Promise.all(downloads).finally(() => release(outputs)))
      } finally {
        release(inputs)
      }
    },
    dispose: () => session.dispose(),
  }
  function release(tensors: readonly (readonly [string, M])[]): void {
    for (const [, tensor] of tensors) engine.release(tensor)
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
