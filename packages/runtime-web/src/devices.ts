import type { Graph } from '@inverseform/backbones'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import type { Backend, Session, Tensor } from '@inverseform/runtime'

/** Where networks can run, the best first. */
export const DEVICES = ['webgpu', 'wasm'] as const

export type Device = (typeof DEVICES)[number]

/**
 * What became of a device:
 *
 * - `used`: the network runs on it
 * - `unavailable`: the browser, the page or the machine does not have it
 * - `failed`: it is there, but could not take the network
 * - `refused`: it works, but computes something else than WebAssembly, or is software that stands in for a GPU
 */
export type RungOutcome = 'used' | 'unavailable' | 'failed' | 'refused'

/** A device that was tried, and why it was taken or left. */
export interface Rung {
  readonly device: Device
  readonly outcome: RungOutcome
  /** A full sentence. */
  readonly reason: string
}

export interface Climb {
  readonly device: Device
  readonly session: Session
  /** The devices tried, in order; the last one is the one that is used. */
  readonly ladder: readonly Rung[]
}

/** A network to be made ready, and what makes it so. */
export interface ClimbOptions {
  readonly graph: Graph
  readonly backendOf: (device: Device) => Backend
  /** Called before each device is tried. */
  readonly onTry?: (device: Device) => void
}

/**
 * How far a GPU may be off WebAssembly, as a share of an output's largest value: what rounding does stays well below, a
 * kernel that mixes up channels is off by tens of per cent.
 */
export const TRIAL_TOLERANCE = 0.01

/** Sizes that are multiples of nothing, so that the edges of a kernel's blocks are tried too. */
const TRIAL_SHAPE: readonly number[] = [1, 3, 37, 61]

/**
 * Makes a network ready on the first device that can run it.
 * @throws `runtime-unavailable` with every device's reason when none can; errors of the checkpoint pass through
 */
export async function climb(
  devices: readonly Device[],
  { graph, backendOf, onTry }: ClimbOptions,
): Promise<Climb> {
  const ladder: Rung[] = []
  for (const device of devices) {
    const left = device === 'webgpu' ? await whyNoWebGpu(devices.length > 1) : undefined
    if (left) {
      ladder.push({ device, ...left })
      continue
    }
    onTry?.(device)
    try {
      // On WebGPU some kernels go wrong silently, and shaders are compiled when they first run: it has to show that it can.
      const expected = device === 'webgpu' ? await tryOnce(backendOf('wasm'), graph) : undefined
      const session = await backendOf(device).createSession(graph)
      const off = expected ? disagreement(await session.run({ image: trialImage() }), expected) : 0
      if (off <= TRIAL_TOLERANCE) {
        ladder.push({ device, outcome: 'used', reason: reasons[device]() })
        return { session, device, ladder }
      }
      await session.dispose()
      ladder.push({ device, outcome: 'refused', reason: differs(off) })
    } catch (error) {
      if (!isInverseFormError(error) || !deviceErrors.has(error.code)) throw error
      ladder.push({ device, outcome: 'failed', reason: error.message })
    }
  }
  const tried = ladder.map(({ device, reason }) => `${device}: ${reason}`)
  throw new InverseFormError('runtime-unavailable', `No device can run the network. ${tried.join(' ')}`, {
    hint:
      devices.length < DEVICES.length
        ? 'Leave `device` at auto to try the others.'
        : "Check that ONNX Runtime's files are where wasmPaths says, and that the page may run WebAssembly.",
    details: { ladder },
  })
}

/** What backends report; all else is wrong on every device. */
const deviceErrors: ReadonlySet<string> = new Set(['inference-failed', 'out-of-memory'])

const reasons: Readonly<Record<Device, () => string>> = {
  webgpu: () => 'A trial run on the GPU gave the numbers of WebAssembly.',
  wasm: () =>
    crossOriginIsolated
      ? 'WebAssembly runs, on as many threads as asked for.'
      : 'WebAssembly runs on one thread: the page is not cross-origin isolated.',
}

/** The part of WebGPU's interface that tells whether there is any. */
interface Gpu {
  requestAdapter(): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean } } | null>
}

async function whyNoWebGpu(hasAlternative: boolean): Promise<Omit<Rung, 'device'> | undefined> {
  const unavailable = (reason: string) => ({ outcome: 'unavailable', reason }) as const
  if (!isSecureContext) return unavailable('WebGPU needs a secure page: https, or localhost.')
  const { gpu } = navigator as { gpu?: Gpu }
  if (!gpu) return unavailable('This browser has no WebGPU.')
  const adapter = await gpu.requestAdapter()
  if (!adapter) return unavailable('This browser has no GPU that it uses for WebGPU.')
  if (!hasAlternative || !adapter.info?.isFallbackAdapter) return undefined
  return {
    outcome: 'refused',
    reason: 'The only GPU is one in software, which is slower than WebAssembly.',
  }
}

async function tryOnce(backend: Backend, graph: Graph): Promise<Outputs> {
  const session = await backend.createSession(graph)
  try {
    return await session.run({ image: trialImage() })
  } finally {
    await session.dispose()
  }
}

type Outputs = Readonly<Record<string, Tensor>>

function trialImage(): Tensor {
  const length = TRIAL_SHAPE.reduce((product, n) => product * n, 1)
  // A low-discrepancy sequence: values in [-2, 2), as normalised images have, none like its neighbours.
  const data = Float32Array.from({ length }, (_, i) => 4 * ((i * 0.6180339887498949) % 1) - 2)
  return { data, shape: TRIAL_SHAPE }
}

/** The largest difference of any output, as a share of its largest value; infinite where one is not finite. */
function disagreement(outputs: Outputs, expected: Outputs): number {
  const shares = Object.entries(expected).map(([name, { data }]) => {
    const found = outputs[name].data
    if (!found.every(Number.isFinite)) return Number.POSITIVE_INFINITY
    let [difference, largest] = [0, 0]
    for (let i = 0; i < data.length; i++) {
      difference = Math.max(difference, Math.abs(found[i] - data[i]))
      largest = Math.max(largest, Math.abs(data[i]))
    }
    return difference / largest
  })
  return Math.max(...shares)
}

function differs(share: number): string {
  return Number.isFinite(share)
    ? `In a trial run its numbers were off WebAssembly's by ${(100 * share).toFixed(1)} % of the largest.`
    : 'In a trial run it gave values that are not finite.'
}
