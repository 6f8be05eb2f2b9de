import { availableParallelism } from 'node:os'
import type { SegmentationModelName, WeightPrecision } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import { pathOf } from './path.js'

/** Devices that networks can run on. */
export type Device = 'cpu'

/** What every network takes. */
export interface NetworkOptions {
  /** The checkpoint: the path or `file:` URL of a `.pth` or `.safetensors` file, or its bytes. */
  readonly checkpoint: string | URL | Uint8Array
  /** `cpu`; `auto` takes the best there is. */
  readonly device?: Device | 'auto'
  /** Threads for the network; 0, the default, takes all cores. */
  readonly threads?: number
  /** Aborts loading; creating the network rejects with its reason at once. */
  readonly signal?: AbortSignal
}

export interface SegmenterOptions extends NetworkOptions {
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
  /** How its 100 million weights are held: 401, 201 or 100 MB. `float32` unless given. */
  readonly precision?: WeightPrecision
}

/** The checked options of a network, ready to be sent to a worker. */
export interface NetworkSettings {
  readonly checkpoint: string | Uint8Array
  readonly device: Device
  readonly threads: number
}

/** @throws `runtime-unavailable` for a device that is not there, `invalid-argument` for other options */
export function networkSettings({
  checkpoint,
  device = 'auto',
  threads = 0,
}: NetworkOptions): NetworkSettings {
  if (device !== 'auto' && device !== 'cpu') {
    throw new InverseFormError('runtime-unavailable', `The device "${device}" is not available.`, {
      hint: 'This version runs on `cpu`; `auto` chooses it.',
    })
  }
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
    device: 'cpu',
    threads: threads || availableParallelism(),
  }
}

/** @throws `invalid-argument` naming the option, unless it is valid */
export function requireOption(name: string, value: unknown, valid: boolean, expected: string): void {
  if (valid) return
  throw new InverseFormError('invalid-argument', `The option ${name} is ${value}.`, {
    hint: `Give ${expected}.`,
  })
}
