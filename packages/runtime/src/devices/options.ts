import { checkArgument, checkBoolean, checkInteger, checkOneOf, InverseFormError } from '@inverseform/errors'
import type { Precision } from './try-devices.js'

/** What to do with a device whose results differ from the CPU's. */
export type SelfCheckOption = 'refuse' | 'warn' | 'skip'

/** The options that choose a device. `D` names the devices of the runtime. */
export interface DeviceOptions<D extends string> {
  /**
   * Where the network runs. `auto`, the default, uses the best device that works. A device that is named is used, or the
   * error says what it needs.
   */
  readonly device?: D | 'auto'
  /**
   * What the network computes in. `auto`, the default, is `float16` on a GPU that has it and passes the self-check with
   * it, else `float32`. The CPU always computes in `float32`.
   */
  readonly precision?: Precision | 'auto'
  /**
   * Before a GPU is used, a small network with every operator of the models runs on it and on the CPU. If an output
   * differs by more than 1 % of its largest value, `refuse`, the default, does not use the GPU, and `warn` uses it with a
   * warning. `skip` does not compare.
   */
  readonly selfCheck?: SelfCheckOption
  /** Whether to keep the verdict on a GPU that has passed, so that it is checked once; `true` by default. */
  readonly selfCheckCache?: boolean
  /** Number of CPU threads; 0, the default, uses all cores. */
  readonly threads?: number
  /** Bytes that the activations of the network may take. Larger images are cut into tiles. */
  readonly memoryBudget?: number
}

/** Device options with their defaults. */
export interface DeviceSettings<D extends string> {
  readonly device: D | 'auto'
  readonly precision: Precision | 'auto'
  readonly selfCheck: SelfCheckOption
  readonly selfCheckCache: boolean
  /** 0: all cores. */
  readonly threads: number
  readonly memoryBudget?: number
}

/**
 * Checks the options that choose a device, and fills in their defaults.
 *
 * @param reference the device that computes on the CPU, in float32 alone
 * @throws `runtime-unavailable` for an unknown device, `invalid-argument` for other options
 */
export function checkDeviceOptions<D extends string>(
  options: DeviceOptions<D>,
  devices: readonly D[],
  reference: D,
): DeviceSettings<D> {
  const {
    device = 'auto',
    precision = 'auto',
    selfCheck = 'refuse',
    selfCheckCache = true,
    threads = 0,
    memoryBudget,
  } = options
  checkDevice(device, ['auto', ...devices])
  checkOneOf('precision', precision, ['auto', 'float32', 'float16'])
  if (device === reference && precision === 'float16') {
    throw new InverseFormError('invalid-argument', `The device ${reference} does not compute in float16.`, {
      hint: 'Set `precision` to `auto` or `float32`, or use another device.',
    })
  }
  checkOneOf('selfCheck', selfCheck, ['refuse', 'warn', 'skip'])
  checkBoolean('selfCheckCache', selfCheckCache)
  checkThreads(threads)
  const isBudget = memoryBudget === undefined || (typeof memoryBudget === 'number' && memoryBudget > 0)
  checkArgument('memoryBudget', memoryBudget, isBudget, 'a number of bytes above 0')
  return { device, precision, selfCheck, selfCheckCache, threads, memoryBudget }
}

/** @throws `runtime-unavailable` for an unknown device */
export function checkDevice<D extends string>(device: unknown, known: readonly D[]): asserts device is D {
  checkOneOf('device', device, known, { code: 'runtime-unavailable' })
}

/** More than any machine has: a number beyond is a mistake, and would hang. */
const MAX_THREADS = 1024

export function checkThreads(threads: unknown): asserts threads is number {
  checkInteger('threads', threads, { min: 0, max: MAX_THREADS }, { hint: 'Leave it out to use all cores.' })
}
