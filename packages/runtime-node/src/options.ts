import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { WeightPrecision } from '@inverseform/backbones/onnx'
import { checkArgument, checkBoolean, checkOneOf, InverseFormError } from '@inverseform/errors'
import {
  checkDevice,
  checkDeviceOptions,
  checkLoadingOptions,
  checkModelOptions,
  checkThreads,
  type DeviceOptions,
  type DeviceSettings,
  type LoadingOptions,
  type ModelOptions,
  type ModelSettings,
} from '@inverseform/runtime'
import { orList } from '@inverseform/shared'
import { type Device, devices, numberedDevices } from './devices/devices.js'
import { modelCacheBytes } from './model-cache/index.js'

/**
 * A checkpoint: the name of a published model, which is downloaded and cached, or the URL, path or bytes of a `.pth`,
 * `.safetensors` or `.onnx` file.
 */
export type CheckpointSource = string | URL | Uint8Array | ArrayBuffer

/** The options that all networks have. */
export interface NetworkOptions extends LoadingOptions<Device> {
  /**
   * The checkpoint: the name of a published model, such as `hrnet16-slim`, or the URL, path or bytes of a `.pth` or
   * `.safetensors` file. A segmenter also accepts an `.onnx` file that `inverseform convert` wrote. Names and URLs are downloaded
   * when they are first used, as `localCheckpoint` of `@inverseform/backbones/node` does.
   */
  readonly checkpoint: CheckpointSource
  /** Number of CPU threads of each worker; 0, the default, shares all cores among the workers. */
  readonly threads?: number
}

export interface SegmenterOptions extends NetworkOptions, ModelOptions, DeviceOptions<Device> {
  /**
   * Which of several GPUs, from 0, with the device `cuda`, `tensorrt` or `dml`. With a list, each GPU loads the network,
   * and images are distributed among them.
   */
  readonly deviceId?: number | readonly number[]
  /**
   * How many images are segmented at the same time, each in a worker thread with a network of its own. By default one, or
   * one on each GPU of `deviceId`. Several take less time for a set of images, but longer for each. `auto` starts several on
   * the CPU (docs/devices.md).
   */
  readonly workers?: number | 'auto'
  /**
   * Bytes that the activations may take; larger images are cut into tiles. Workers on the CPU share it. 60 % of the free memory
   * by default.
   */
  readonly memoryBudget?: number
  /**
   * Whether to keep the converted and optimized model in the cache folder, from where it loads faster next time; `true` by
   * default. INVERSEFORM_MODEL_CACHE limits the size of all of them in GiB; 4 by default.
   */
  readonly modelCache?: boolean
}

export interface InverseNetOptions extends NetworkOptions {
  /** The CPU, natively or on WebAssembly: the largest weight exceeds a WebGPU buffer. */
  readonly device?: 'cpu' | 'wasm' | 'auto'
  /** How the 100 million weights are stored: in 401, 201 or 100 MB. `float32` by default. */
  readonly precision?: WeightPrecision
}

/** The checked options of a network, which can be sent to a worker. */
export interface NetworkSettings {
  readonly checkpoint: string | Uint8Array
  /** At least 1. */
  readonly threads: number
}

/** The checked options of one device. */
export interface NodeDeviceSettings
  extends Pick<DeviceSettings<Device>, 'device' | 'precision' | 'selfCheck' | 'selfCheckCache'> {
  readonly deviceId?: number
}

/** The checked options of one worker of a segmenter. */
export interface SegmenterSettings
  extends Pick<NetworkSettings, 'checkpoint'>,
    NodeDeviceSettings,
    ModelSettings {
  /** At least 1; undefined to share the cores. */
  readonly threads?: number
  /** How many workers share the cores. `auto`: this one decides. */
  readonly workers: number | 'auto'
  readonly memoryBudget?: number
  /** The most bytes that cached models may take; 0: none is read or kept. */
  readonly modelCacheBytes: number
}

/** The checked options of InverseNet. */
export interface InverseNetSettings extends NetworkSettings {
  readonly device: 'cpu' | 'wasm' | 'auto'
  readonly precision: WeightPrecision
}

const PRECISIONS: readonly WeightPrecision[] = ['float32', 'float16', 'int8']

/**
 * Returns the settings of each worker of a segmenter, or of the first one if that decides how many there are.
 * @throws `runtime-unavailable` for an unknown device, `invalid-argument` for other options
 */
export function segmenterSettings(options: SegmenterOptions): SegmenterSettings[] {
  const network = networkSettings(options)
  const model = checkModelOptions(options)
  const { deviceId, workers, modelCache = true } = options
  checkBoolean('modelCache', modelCache)
  const { device, precision, selfCheck, selfCheckCache, threads, memoryBudget } = checkDeviceOptions(
    options,
    devices,
    options.device === 'wasm' ? 'wasm' : 'cpu',
  )
  const ids = deviceId === undefined ? [undefined] : checkDeviceIds(device, deviceId)
  const count = workers === undefined || (workers === 'auto' && ids.length > 1) ? ids.length : workers
  checkWorkers(count, ids.length)
  return Array.from({ length: count === 'auto' ? 1 : count }, (_, worker) => ({
    ...network,
    ...model,
    threads: threads || undefined,
    workers: count,
    device,
    deviceId: ids[worker % ids.length],
    precision,
    selfCheck,
    selfCheckCache,
    memoryBudget,
    modelCacheBytes: modelCache ? modelCacheBytes() : 0,
  }))
}

/**
 * Returns the settings of InverseNet.
 * @throws as `segmenterSettings`
 */
export function inverseNetSettings(options: InverseNetOptions): InverseNetSettings {
  const settings = networkSettings(options)
  const { device = 'auto', precision = 'float32' } = options
  checkDevice(device, ['auto', 'cpu', 'wasm'])
  checkOneOf('precision', precision, PRECISIONS)
  return { ...settings, device, precision }
}

function networkSettings(options: NetworkOptions): NetworkSettings {
  const isObject = typeof options === 'object' && options !== null
  checkArgument('options', options, isObject, 'an object with a `checkpoint`')
  const { checkpoint, threads = 0 } = options
  const accepted =
    'the name of a published model, or the URL, path or bytes of a .pth, .safetensors or .onnx file'
  checkArgument('checkpoint', checkpoint, isCheckpoint(checkpoint), accepted)
  checkThreads(threads)
  checkLoadingOptions(options)
  return { checkpoint: sendable(checkpoint), threads: threads || availableParallelism() }
}

function isCheckpoint(value: unknown): value is CheckpointSource {
  return (
    (typeof value === 'string' && value !== '') ||
    [URL, Uint8Array, ArrayBuffer].some((type) => value instanceof type)
  )
}

function sendable(checkpoint: CheckpointSource): NetworkSettings['checkpoint'] {
  if (checkpoint instanceof URL) {
    return checkpoint.protocol === 'file:' ? fileURLToPath(checkpoint) : webUrl(checkpoint)
  }
  return checkpoint instanceof ArrayBuffer ? new Uint8Array(checkpoint) : checkpoint
}

function webUrl({ protocol, href }: URL): string {
  if (/^https?:$/.test(protocol)) return href
  throw new InverseFormError(
    'invalid-argument',
    `\`checkpoint\` must start with http:, https: or file:, got ${href}.`,
    { hint: 'Download the file by other means, then pass its path or its bytes.' },
  )
}

/** More would exhaust the memory of any machine: a number beyond is a mistake. */
const MAX_WORKERS = 256

function checkWorkers(workers: unknown, devices: number): asserts workers is number | 'auto' {
  if (workers === 'auto') return
  const valid = Number.isInteger(workers) && (workers as number) >= 1 && (workers as number) <= MAX_WORKERS
  checkArgument('workers', workers, valid, `an integer from 1 to ${MAX_WORKERS}, or auto`)
  if ((workers as number) >= devices) return
  throw new InverseFormError(
    'invalid-argument',
    `\`workers\` is ${workers}, but \`deviceId\` lists ${devices} GPUs.`,
    {
      hint: 'Each GPU needs a worker: omit `workers`, or list fewer GPUs.',
    },
  )
}

function checkDeviceIds(device: Device | 'auto', deviceId: number | readonly number[]): readonly number[] {
  const ids = [deviceId].flat()
  const areIndices = ids.length > 0 && ids.every((id) => Number.isInteger(id) && id >= 0)
  const valid = areIndices && new Set(ids).size === ids.length
  checkArgument('deviceId', deviceId, valid, 'an integer of at least 0, or a list of different ones')
  if (device !== 'auto' && numberedDevices.includes(device)) return ids
  throw new InverseFormError('invalid-argument', `\`deviceId\` cannot be used with the device ${device}.`, {
    hint: `Set \`device\` to ${orList(numberedDevices)}.`,
  })
}
