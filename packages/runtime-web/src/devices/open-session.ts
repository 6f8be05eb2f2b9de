import type { Graph, PassName } from '@inverseform/backbones/graph'
import {
  type Backend,
  type DeviceChoice,
  type DeviceSource,
  type Engine,
  type NetworkOnDevice,
  notUsable,
  openOnBestDevice,
  type Precision,
  type SelfCheckOption,
  type Session,
  type Tensor,
  type VerdictStore,
} from '@inverseform/runtime'
import type { Device } from './devices.js'

/** A GPU that was started. `M` is a tensor in its memory. */
export interface StartedGpu<M> {
  readonly engine: Pick<Engine<M, never>, 'download' | 'release'> & { upload(tensor: Tensor): M }
  backend(precision: Precision): Backend<M>
  dispose(): void
}

/** A GPU that was found but not started. */
export interface FoundGpu<G> {
  /** Whether the GPU is emulated in software. */
  readonly software: boolean
  /** Whether it computes in float16. */
  readonly float16: boolean
  /** Identifies the GPU and everything else that a verdict on it depends on. */
  readonly identity: string
  /** @throws `runtime-unavailable` */
  start(): Promise<G>
}

/** Where devices come from: the browser and ONNX Runtime, or the fakes of a test. */
export interface BrowserDevices<G> {
  /** @throws `runtime-unavailable`, with the reason */
  findGpu(): Promise<FoundGpu<G>>
  wasm(): Backend
  /** Rewrites networks for a device; by default they run as they are. */
  readonly prepare?: Partial<Record<Device, (graph: Graph) => Graph>>
  readonly verdicts?: VerdictStore
}

export interface OpenOptions {
  readonly devices: readonly Device[]
  readonly precision: Precision | 'auto'
  readonly selfCheck: SelfCheckOption
  /** The passes that have run on the network, if the user has chosen them. */
  readonly passes?: readonly PassName[]
  /** Identifies the network and its weights, if known. */
  readonly networkKey?: string
  readonly onTry?: DeviceChoice<Device>['onTry']
}

/** A network on a device. */
export type OpenedNetwork<M, G> =
  | { readonly device: 'wasm'; readonly session: Session; readonly onArrays: Session }
  | { readonly device: 'webgpu'; readonly session: Session<M>; readonly onArrays: Session; readonly gpu: G }

/**
 * Loads a network on the first device that can be used.
 * @throws `runtime-unavailable` if there is none; errors of the checkpoint pass through
 */
export async function openSession<M, G extends StartedGpu<M>>(
  graph: Graph,
  options: OpenOptions,
  browser: BrowserDevices<G>,
): Promise<NetworkOnDevice<OpenedNetwork<M, G>, Device>> {
  const found = once(() => browser.findGpu())
  let gpu: G | undefined

  /** @throws `runtime-unavailable` */
  async function startGpu(precision: Precision): Promise<{ gpu: G; identity: string }> {
    const { software, float16, identity, start } = await found()
    if (software && options.devices.includes('wasm')) {
      const reason = 'The only GPU is emulated in software, which is slower than WebAssembly.'
      throw notUsable({ outcome: 'refused', reason }, { hint: 'Use the device wasm.' })
    }
    if (precision === 'float16' && !float16) {
      const reason = 'This GPU does not compute in float16: it has no shader-f16.'
      throw notUsable({ outcome: 'unavailable', reason }, { hint: 'Set `precision` to `auto` or `float32`.' })
    }
    gpu ??= await start()
    return { gpu, identity }
  }

  const source: DeviceSource<Device, OpenedNetwork<M, G>> = {
    reference: 'wasm',
    openReference: async () => browser.wasm(),
    referenceReason() {
      return crossOriginIsolated
        ? 'WebAssembly runs on several threads.'
        : 'WebAssembly runs on one thread: the page is not cross-origin isolated.'
    },
    hasFloat16: () =>
      found().then(
        ({ float16 }) => float16,
        () => false,
      ),
    triesFloat32: true,
    verdicts: browser.verdicts,
    async start({ device, precision }) {
      if (device === 'wasm') {
        return {
          name: device,
          prepare: options.passes ? undefined : browser.prepare?.wasm,
          async load(network) {
            const session = await browser.wasm().createSession(network)
            return { device, session, onArrays: session }
          },
        }
      }
      const started = await startGpu(precision)
      const loadIn = (wanted: Precision) => async (network: Graph) => {
        const session = await started.gpu.backend(wanted).createSession(network)
        return { device, session, onArrays: sessionOnArrays(started.gpu, session), gpu: started.gpu }
      }
      return {
        name: device,
        verdictKey: `${started.identity} ${precision}`,
        prepare: browser.prepare?.webgpu,
        load: loadIn(precision),
        loadFloat32: loadIn('float32'),
      }
    },
  }

  try {
    const opened = await openOnBestDevice(graph, options, source)
    if (opened.device !== 'webgpu') gpu?.dispose()
    return opened
  } catch (error) {
    gpu?.dispose()
    throw error
  }
}

/** Returns a session of a GPU for tensors in main memory. */
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
