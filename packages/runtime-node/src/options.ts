import { availableParallelism } from 'node:os'
import type { SegmentationModelName, WeightPrecision } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import { type Device, devices, numberedDevices } from './devices.js'
import { pathOf } from './path.js'

/** What becomes of a device that disagrees with the CPU. */
export type SelfCheckOption = 'refuse' | 'warn' | 'skip'

/** What every network takes. */
export interface NetworkOptions {
  /** The checkpoint: the path or `file:` URL of a `.pth` or `.safetensors` file, or its bytes. */
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
  /** Which of several GPUs, from 0: with the device `cuda`, `tensorrt` or `dml`. */
  readonly deviceId?: number
  /**
   * Before a device is used, a small network is run on it and on the CPU. A device that disagrees is refused unless
   * told to `warn` only; `skip` does not compare.
   */
  readonly selfCheck?: SelfCheckOption
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
  readonly selfCheck: SelfCheckOption
}

/** @throws `invalid-argument` */
export function networkSettings({ checkpoint, threads = 0 }: NetworkOptions): NetworkSettings {
  if (![URL, Uint8Array].some((type) => checkpoint instanceof type) && typeof checkpoint !== 'string') {
    throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
      hint: 'Set `checkpoint` to the path, the file URL or the bytes of a .pth or .safetensors file.',
    })
  }
  requireOption(
    'threads',
    threads,
    Number.isInteger(threads) && threads >= 0,
    'a whole number, 0 for all cores',
  )
  return {
    checkpoint: checkpoint instanceof URL ? pathOf(checkpoint) : checkpoint,
    threads: threads || availableParallelism(),
  }
}

const selfChecks: readonly SelfCheckOption[] = ['refuse', 'warn', 'skip']

/** @throws `runtime-unavailable` for a device that is none, `invalid-argument` for other options */
export function deviceSettings({
  device = 'auto',
  deviceId,
  selfCheck = 'refuse',
}: Partial<DeviceSettings>): DeviceSettings {
  requireDevice(device, ['auto', ...devices])
  requireOption('selfCheck', selfCheck, selfChecks.includes(selfCheck), `one of ${selfChecks.join(', ')}`)
  const isIndex = deviceId === undefined || (Number.isInteger(deviceId) && deviceId >= 0)
  requireOption('deviceId', deviceId, isIndex, 'a whole number, 0 for the first')
  if (deviceId !== undefined && (device === 'auto' || !numberedDevices.includes(device))) {
    throw new InverseFormError('invalid-argument', `The device "${device}" takes no deviceId.`, {
      hint: `Name one that does: ${numberedDevices.join(', ')}.`,
    })
  }
  return { device, deviceId, selfCheck }
}

/** @throws `runtime-unavailable` unless the device is one of these */
export function requireDevice(device: string, known: readonly string[]): void {
  if (known.includes(device)) return
  throw new InverseFormError('runtime-unavailable', `There is no device "${device}" to run on.`, {
    hint: `The devices are ${known.join(', ')}.`,
  })
}

/** @throws `invalid-argument` naming the option, unless it is valid */
export function requireOption(name: string, value: unknown, valid: boolean, expected: string): void {
  if (valid) return
  throw new InverseFormError('invalid-argument', `The option ${name} is ${value}.`, {
    hint: `Give ${expected}.`,
  })
}
