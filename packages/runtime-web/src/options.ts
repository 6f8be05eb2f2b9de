import { checkArgument, checkBoolean, checkFunction, InverseFormError } from '@inverseform/errors'
import {
  checkDeviceOptions,
  checkLoadingOptions,
  checkModelOptions,
  type DeviceOptions,
  type DeviceSettings,
  type LoadingOptions,
  type ModelOptions,
  type ModelSettings,
  publishedModels,
} from '@inverseform/runtime'
import { type Device, devices } from './devices/devices.js'
import { pageUrl } from './download/page-url.js'

/** A checkpoint: the URL, `Blob` or `File`, or the bytes of a `.pth`, `.safetensors` or `.onnx` file. */
export type CheckpointSource = string | URL | Blob | Uint8Array | ArrayBuffer

/** URLs of the two files of ONNX Runtime: its JavaScript and its WebAssembly module. */
export interface WasmPaths {
  /** `ort-wasm-simd-threaded.asyncify.mjs`; by default, the code in the worker's bundle. */
  readonly mjs?: string | URL
  /** `ort-wasm-simd-threaded.asyncify.wasm` */
  readonly wasm?: string | URL
}

export interface SegmenterOptions extends LoadingOptions<Device>, ModelOptions, DeviceOptions<Device> {
  /**
   * The checkpoint: a `.pth` or `.safetensors` file, or an `.onnx` file that `inverseform convert` wrote. URLs may be
   * relative to the page.
   */
  readonly checkpoint: CheckpointSource
  /** HTTP headers of the request for the checkpoint, such as for authorization. */
  readonly headers?: HeadersInit
  /**
   * Whether the browser caches a checkpoint that comes from a URL. The default is `true`, but `false` with `headers`,
   * because the response may be private.
   */
  readonly cache?: boolean
  /**
   * SHA-256 of the checkpoint in hexadecimal. A file with another hash is an error. A cached file with this hash is used
   * without asking the server.
   */
  readonly sha256?: string
  /** Number of WebAssembly threads; 0, the default, uses all cores. More than 1 needs a cross-origin isolated page. */
  readonly threads?: number
  /**
   * Bytes that the activations may take; larger images are cut into tiles. The default is a quarter of the device's memory,
   * at most 2 GiB.
   */
  readonly memoryBudget?: number
  /** Where ONNX Runtime's files are: a folder with both, or the URL of each. By default, next to the worker. */
  readonly wasmPaths?: string | URL | WasmPaths
  /**
   * Creates the worker from the module `@inverseform/runtime-web/worker`. Pass it if that module is not next to this one.
   */
  readonly worker?: () => Worker
}

/** The checked options, which can be sent to a worker. */
export interface SegmenterSettings extends ModelSettings, Omit<DeviceSettings<Device>, 'device'> {
  readonly checkpoint: { readonly url: string } | Blob | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly cache?: boolean
  /** In lower case. */
  readonly sha256?: string
  readonly devices: readonly Device[]
  readonly wasmPaths?: string | { readonly mjs?: string; readonly wasm?: string }
}

/**
 * Checks the options of a segmenter and fills in their defaults.
 * @throws `runtime-unavailable` for an unknown device, `invalid-argument` for other options, `out-of-memory` if there is no
 * room for a copy of the checkpoint's bytes
 */
export function segmenterSettings(options: SegmenterOptions): SegmenterSettings {
  const isObject = typeof options === 'object' && options !== null
  checkArgument('options', options, isObject, 'an object with a `checkpoint`')
  const { checkpoint, headers, cache, sha256 } = options
  const { device, ...rest } = checkDeviceOptions(options, devices, 'wasm')
  if (cache !== undefined) checkBoolean('cache', cache)
  const isHash = sha256 === undefined || /^[0-9a-f]{64}$/i.test(sha256)
  checkArgument('sha256', sha256, isHash, 'the 64 hexadecimal digits of a SHA-256')
  const model = checkModelOptions(options)
  if (options.worker !== undefined) checkFunction('worker', options.worker)
  checkLoadingOptions(options)
  return {
    ...rest,
    ...model,
    checkpoint: sendable(checkpoint),
    headers: headers && plainHeaders(headers),
    cache,
    sha256: sha256?.toLowerCase(),
    devices: device === 'auto' ? devices : [device],
    wasmPaths: plainPaths(options.wasmPaths),
  }
}

function sendable(checkpoint: CheckpointSource): SegmenterSettings['checkpoint'] {
  if (typeof checkpoint === 'string' || checkpoint instanceof URL) {
    checkNoName(checkpoint)
    return { url: resolveUrl('checkpoint', checkpoint) }
  }
  if (checkpoint instanceof Blob) return checkpoint
  const isBytes = checkpoint instanceof Uint8Array || checkpoint instanceof ArrayBuffer
  const accepted = 'a URL, a Blob or File, or the bytes of a .pth, .safetensors or .onnx file'
  checkArgument('checkpoint', checkpoint, isBytes, accepted)
  return copyOf(checkpoint)
}

/** Refuses the name of a published model, which would be taken for a URL that is relative to the page. */
function checkNoName(checkpoint: string | URL): void {
  if (!publishedModels.includes(String(checkpoint))) return
  throw new InverseFormError(
    'invalid-argument',
    `\`checkpoint\` is the name of a published model, ${checkpoint}. Pages cannot download it: the release allows no other site to read its files.`,
    {
      hint: `Put the file on your own server and pass its URL, or pass a File or bytes. A URL that ends in such a name is meant by ./${checkpoint}.`,
      details: { checkpoint },
    },
  )
}

/** Returns a copy to be transferred. Cloning a view would copy its whole buffer, and more than once. */
function copyOf(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  try {
    return new Uint8Array(bytes instanceof ArrayBuffer ? bytes.slice(0) : bytes)
  } catch (cause) {
    const { message } = cause as Error
    if (cause instanceof RangeError) {
      throw new InverseFormError(
        'out-of-memory',
        `Not enough memory for a copy of the checkpoint's bytes: ${message}.`,
        { hint: 'Pass a Blob, a File or a URL, close other pages, or use a smaller model.', cause },
      )
    }
    throw new InverseFormError('invalid-argument', `The checkpoint's bytes cannot be read: ${message}.`, {
      hint: 'Pass a buffer that has not been transferred.',
      cause,
    })
  }
}

function plainHeaders(headers: HeadersInit): Readonly<Record<string, string>> {
  try {
    const plain: Record<string, string> = {}
    new Headers(headers).forEach((value, name) => {
      plain[name] = value
    })
    return plain
  } catch (cause) {
    const { message } = cause as Error
    throw new InverseFormError('invalid-argument', `\`headers\` must be valid HTTP headers: ${message}.`, {
      hint: 'Pass names and values as `fetch` accepts them.',
      cause,
    })
  }
}

function plainPaths(paths: SegmenterOptions['wasmPaths']): SegmenterSettings['wasmPaths'] {
  if (paths === undefined) return undefined
  if (typeof paths === 'string' || paths instanceof URL) {
    // ONNX Runtime appends file names without a slash.
    return resolveUrl('wasmPaths', paths).replace(/\/?$/, '/')
  }
  const isObject = typeof paths === 'object' && paths !== null
  checkArgument('wasmPaths', paths, isObject, 'a URL or an object { mjs, wasm } of URLs')
  const { mjs, wasm } = paths
  return { mjs: mjs && resolveUrl('wasmPaths.mjs', mjs), wasm: wasm && resolveUrl('wasmPaths.wasm', wasm) }
}

function resolveUrl(option: string, url: string | URL): string {
  try {
    return pageUrl(url)
  } catch (cause) {
    throw new InverseFormError('invalid-argument', `\`${option}\` must be a valid URL, got "${url}".`, {
      hint: 'Pass a URL that is absolute or relative to the page.',
      cause,
    })
  }
}
