import type { SegmentationModelName } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import {
  type Precision,
  requireDevice,
  requireMemoryBudget,
  requireOption,
  requireThreads,
} from '@inverseform/runtime'
import { DEVICES, type Device } from './devices.js'
import { pageUrl } from './page-url.js'

/** A `.pth` or `.safetensors` file, or an `.onnx` file that `inverseform convert` wrote: its URL, a Blob or File, or its bytes. */
export type CheckpointSource = string | URL | Blob | Uint8Array | ArrayBuffer

export type SelfCheckOption = 'refuse' | 'warn' | 'skip'

/** URLs of the two files of ONNX Runtime: its glue code and its WebAssembly module. */
export interface WasmPaths {
  /** `ort-wasm-simd-threaded.asyncify.mjs`; the code bundled with the worker unless given. */
  readonly mjs?: string | URL
  /** `ort-wasm-simd-threaded.asyncify.wasm` */
  readonly wasm?: string | URL
}

export interface SegmenterOptions {
  /** The checkpoint. URLs may be relative to the page. */
  readonly source: CheckpointSource
  /** Sent with the request for the source, for authorization say. */
  readonly headers?: HeadersInit
  /**
   * Whether the browser keeps a source that is a URL, for the next load: `true` unless there are `headers`, as what is
   * asked for with them may be private.
   */
  readonly cache?: boolean
  /** The source's SHA-256 in hexadecimal. Another file is an error; this one is taken from the cache unasked. */
  readonly sha256?: string
  /** The checkpoint's model; found out from its tensors when not given. */
  readonly model?: SegmentationModelName
  /** Whether to load the edge head, which `edges` needs. */
  readonly edge?: boolean
  /** Number of classes; the checkpoint's when not given. */
  readonly classes?: number
  /** `webgpu` or `wasm`; `auto`, the default, takes the first of these that works. */
  readonly device?: Device | 'auto'
  /**
   * What a GPU computes in. `auto`, the default, takes `float16` where the GPU has it and passes the self-check with it,
   * else `float32`, in which WebAssembly always computes.
   */
  readonly precision?: Precision | 'auto'
  /**
   * What becomes of a GPU that computes something else than WebAssembly: a small network that has all operators of the
   * models is run on both, and its outputs may differ by 1 % of the largest value. `refuse`, the default, does not use the
   * GPU; `warn` uses it and warns; `skip` does not compare. A GPU that has passed is not checked again until it, its
   * driver as far as the browser tells, or this package changes.
   */
  readonly selfCheck?: SelfCheckOption
  /** Threads for WebAssembly; 0, the default, takes all cores. More than one needs a cross-origin isolated page. */
  readonly threads?: number
  /**
   * Bytes that the network's activations may take before images are cut into tiles; a quarter of the device's memory,
   * at most 2 GiB, unless given.
   */
  readonly memoryBudget?: number
  /** Where ONNX Runtime's files are: a folder with both, or the URL of each; next to the worker unless given. */
  readonly wasmPaths?: string | URL | WasmPaths
  /** Makes the worker, of the module `@inverseform/runtime-web/worker`, where it is not next to this one. */
  readonly worker?: () => Worker
  /** Aborts loading; creating the segmenter rejects with its reason at once. */
  readonly signal?: AbortSignal
  /** Called while loading. */
  readonly onProgress?: (progress: LoadProgress) => void
}

/**
 * How far loading is: a source that is a URL downloaded or, in its place, read from the cache, in bytes; then the
 * network made ready on a device.
 */
export type LoadProgress =
  | {
      readonly stage: 'download'
      readonly loaded: number
      /** Not known where the server does not announce it. */
      readonly total?: number
    }
  | { readonly stage: 'cache'; readonly loaded: number; readonly total: number }
  | { readonly stage: 'compile'; readonly device: Device }

/** Checked options in a form that can be sent to a worker. */
export interface SegmenterSettings {
  readonly source: { readonly url: string } | Blob | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly cache?: boolean
  /** In lower case. */
  readonly sha256?: string
  readonly model?: SegmentationModelName
  readonly edge: boolean
  readonly classes?: number
  readonly devices: readonly Device[]
  readonly precision: Precision | 'auto'
  readonly selfCheck: SelfCheckOption
  readonly threads: number
  readonly memoryBudget?: number
  readonly wasmPaths?: string | { readonly mjs?: string; readonly wasm?: string }
}

/** @throws `runtime-unavailable` for an unknown device, `invalid-argument` for other options */
export function settingsOf(options: SegmenterOptions): SegmenterSettings {
  const {
    source,
    headers,
    cache,
    sha256,
    model,
    edge = false,
    classes,
    device = 'auto',
    precision = 'auto',
    selfCheck = 'refuse',
    threads = 0,
    memoryBudget,
  } = options
  requireDevice(device, ['auto', ...DEVICES])
  const precisions = ['auto', 'float32', 'float16']
  requireOption('precision', precision, precisions.includes(precision), precisions.join(', '))
  if (device === 'wasm' && precision === 'float16') {
    throw new InverseFormError('invalid-argument', 'WebAssembly does not compute in float16.', {
      hint: 'Leave `precision` at auto, or use the device webgpu.',
    })
  }
  const selfChecks = ['refuse', 'warn', 'skip']
  requireOption('selfCheck', selfCheck, selfChecks.includes(selfCheck), selfChecks.join(', '))
  requireOption(
    'sha256',
    sha256,
    sha256 === undefined || /^[0-9a-f]{64}$/i.test(sha256),
    'the 64 hexadecimal digits of the SHA-256 of the source',
  )
  requireThreads(threads)
  requireMemoryBudget(memoryBudget)
  return {
    source: sourceOf(source),
    headers: headers && headersOf(headers),
    cache,
    sha256: sha256?.toLowerCase(),
    model,
    edge,
    classes,
    devices: device === 'auto' ? DEVICES : [device],
    precision,
    selfCheck,
    threads,
    memoryBudget,
    wasmPaths: wasmPathsOf(options.wasmPaths),
  }
}

function sourceOf(source: CheckpointSource): SegmenterSettings['source'] {
  if (typeof source === 'string' || source instanceof URL) return { url: urlOf('source', source) }
  if (source instanceof Blob) return source
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return copyOf(source)
  throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
    hint: 'Set `source` to a URL, a Blob or File, or the bytes of a .pth, .safetensors or .onnx file.',
  })
}

/** A copy to be transferred: a clone would copy all of the buffer that a view is a part of, and more than once. */
function copyOf(source: Uint8Array | ArrayBuffer): Uint8Array {
  try {
    return new Uint8Array(source instanceof ArrayBuffer ? source.slice(0) : source)
  } catch (cause) {
    const { message } = cause as Error
    if (cause instanceof RangeError) {
      throw new InverseFormError(
        'out-of-memory',
        `There is no memory for the checkpoint's bytes: ${message}.`,
        {
          hint: 'Give the checkpoint as a Blob, a File or a URL, close other pages, or use a smaller model.',
          cause,
        },
      )
    }
    throw new InverseFormError('invalid-argument', `The checkpoint's bytes cannot be read: ${message}.`, {
      hint: 'Give a buffer that has not been transferred to elsewhere.',
      cause,
    })
  }
}

function headersOf(headers: HeadersInit): Readonly<Record<string, string>> {
  try {
    const sent: Record<string, string> = {}
    new Headers(headers).forEach((value, name) => {
      sent[name] = value
    })
    return sent
  } catch (cause) {
    throw new InverseFormError(
      'invalid-argument',
      `The headers cannot be sent: ${(cause as Error).message}.`,
      {
        hint: 'Give valid names and values of HTTP headers.',
        cause,
      },
    )
  }
}

function wasmPathsOf(paths: SegmenterOptions['wasmPaths']): SegmenterSettings['wasmPaths'] {
  if (paths === undefined) return undefined
  // ONNX Runtime appends the files' names as they are.
  if (typeof paths === 'string' || paths instanceof URL) return urlOf('wasmPaths', paths).replace(/\/?$/, '/')
  const [mjs, wasm] = [paths.mjs, paths.wasm].map((path) => path && urlOf('wasmPaths', path))
  return { mjs, wasm }
}

function urlOf(option: string, url: string | URL): string {
  try {
    return pageUrl(url)
  } catch (cause) {
    throw new InverseFormError('invalid-argument', `The option ${option} is "${url}", which is not a URL.`, {
      hint: 'Give a URL, absolute or relative to the page.',
      cause,
    })
  }
}
