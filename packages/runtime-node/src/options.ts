import { availableParallelism } from 'node:os'
import type { SegmentationModelName, WeightPrecision } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import { type Precision, requireDevice, requireOption, requireThreads } from '@inverseform/runtime'
import { type Device, devices, numberedDevices } from './devices.js'
import { pathOf } from './path.js'

/** What becomes of a device that disagrees with the CPU. */
export type SelfCheckOption = 'refuse' | 'warn' | 'skip'

/** What every network takes. */
export interface NetworkOptions {
  /**
   * The checkpoint: the path or `file:` URL of a `.pth` or `.safetensors` file, or its bytes. A segmenter also takes an `.onnx` file
   * that `inverseform convert` wrote.
   */
  readonly checkpoint: string | URL | Uint8Array
  /** Threads for the network; 0, the default, takes all cores. */
  readonly threads?: number
  /** Aborts loading; creating the network rejects with its reason at once. */
  readonly signal?: AbortSignal
}

export interface SegmenterOptions extends NetworkOptions {
  /**
   * Where the network runs. `auto`, the default, takes the best device there is, and the CPU where there is none; another
   * one is an error where it cannot be used.
   */
  readonly device?: Device | 'auto'
  /**
   * Which of several GPUs, from 0: with the device `cuda`, `tensorrt` or `dml`. With a list, each loads the network, and
   * images are dealt out to them.
   */
  readonly deviceId?: number | readonly number[]
  /**
   * What the network computes in. `float16` takes half the memory and is faster where the device has it; labels may fall
   * otherwise where two classes are nearly equal. Not on the CPU, whose kernels would only convert: with `auto` it is
   * taken in float32, where it is taken. `float32` unless given.
   */
  readonly precision?: Precision
  /**
   * Before a device is used, a small network is run on it and on the CPU. A device that disagrees is refused unless
   * told to `warn` only; `skip` does not compare.
   */
  readonly selfCheck?: SelfCheckOption
  /**
   * Whether a device that has passed the check need not be checked again with the same driver and versions: its
   * verdict is kept in the user's cache folder. `true` unless given: the CPU's part of the check takes a tenth of a second,
   * but a GPU compiles a kernel for each of its layers, which may take longer than loading a network.
   */
  readonly selfCheckCache?: boolean
  /** The checkpoint's model; found out from its tensors when not given. */
  readonly model?: SegmentationModelName
  /** Whether to load the edge head, which `edges` needs. */
  readonly edge?: boolean
  /** Number of classes; the checkpoint's when not given. */
  readonly classes?: number
  /** Bytes that the network's activations may take before images are cut into tiles; 60 % of the free memory unless given. */
  readonly memoryBudget?: number
}

export interface InverseNetOptions extends NetworkOptions {
  /** The CPU alone, as yet: its largest weight is beyond what a WebGPU buffer may hold. */
  readonly device?: 'cpu' | 'auto'
  /** How its 100 million weights are held: 401, 201 or 100 MB. `float32` unless given. */
  readonly precision?: WeightPrecision
}

/** The checked options of a network, ready to be sent to a worker. */
export interface NetworkSettings {
  readonly checkpoint: string | Uint8Array
  readonly threads: number
}

/** The checked options of the device. */
export interface DeviceSettings {
  readonly device: Device | 'auto'
  readonly deviceId?: number
  readonly precision: Precision
  readonly selfCheck: SelfCheckOption
  readonly selfCheckCache: boolean
}

/** @throws `invalid-argument` */
export function networkSettings({ checkpoint, threads = 0 }: NetworkOptions): NetworkSettings {
  if (![URL, Uint8Array].some((type) => checkpoint instanceof type) && typeof checkpoint !== 'string') {
    throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
      hint: 'Set `checkpoint` to the path, the file URL or the bytes of a .pth, .safetensors or .onnx file.',
    })
  }
  requireThreads(threads)
  return {
    checkpoint: checkpoint instanceof URL ? pathOf(checkpoint) : checkpoint,
    threads: threads || availableParallelism(),
  }
}

const selfChecks: readonly SelfCheckOption[] = ['refuse', 'warn', 'skip']
const precisions: readonly Precision[] = ['float32', 'float16']

/**
 * The devices to load the network on: one, or the numbered ones that were asked for.
 * @throws `runtime-unavailable` for a device that is none, `invalid-argument` for other options
 */
export function deviceSettings({
  device = 'auto',
  deviceId,
  precision = 'float32',
  selfCheck = 'refuse',
  selfCheckCache = true,
}: Partial<SegmenterOptions>): DeviceSettings[] {
  requireDevice(device, ['auto', ...devices])
  requireOption('selfCheck', selfCheck, selfChecks.includes(selfCheck), `one of ${selfChecks.join(', ')}`)
  requireOption('precision', precision, precisions.includes(precision), `one of ${precisions.join(', ')}`)
  if (device === 'cpu' && precision === 'float16') {
    throw new InverseFormError('invalid-argument', 'The CPU does not compute in float16.', {
      hint: 'Leave the precision at float32: the kernels of the CPU would convert every value back and forth.',
    })
  }
  const settings = { device, precision, selfCheck, selfCheckCache }
  if (deviceId === undefined) return [settings]
  return checkedIds(device, deviceId).map((id) => ({ ...settings, deviceId: id }))
}

function checkedIds(device: Device | 'auto', deviceId: number | readonly number[]): readonly number[] {
  const ids = [deviceId].flat()
  const areIndices = ids.length > 0 && ids.every((id) => Number.isInteger(id) && id >= 0)
  const valid = areIndices && new Set(ids).size === ids.length
  requireOption('deviceId', deviceId, valid, 'a whole number, 0 for the first, or several different ones')
  if (device !== 'auto' && numberedDevices.includes(device)) return ids
  throw new InverseFormError('invalid-argument', `The device "${device}" takes no deviceId.`, {
    hint: `Name one that does: ${numberedDevices.join(', ')}.`,
  })
}
