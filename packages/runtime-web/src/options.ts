import type { SegmentationModelName } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import { DEVICES, type Device } from './devices.js'
import { pageUrl } from './page-url.js'

/** A `.pth` or `.safetensors` file: its URL, a Blob or File, or its bytes. */
export type CheckpointSource = string | URL | Blob | Uint8Array | ArrayBuffer

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
  readonly headers?: Readonly<Record<string, string>>
  /** The checkpoint's model; found out from its tensors when not given. */
  readonly model?: SegmentationModelName
  /** Whether to load the edge head, which `edges` needs. */
  readonly edge?: boolean
  /** Number of classes; the checkpoint's when not given. */
  readonly classes?: number
  /** `webgpu` or `wasm`; `auto`, the default, takes the first of these that works. */
  readonly device?: Device | 'auto'
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

/** How far loading is: the download of a source that is a URL, in bytes, then the network made ready on a device. */
export type LoadProgress =
  | {
      readonly stage: 'download'
      readonly loaded: number
      /** Not known where the server does not announce it. */
      readonly total?: number
    }
  | { readonly stage: 'compile'; readonly device: Device }

/** Checked options in a form that can be sent to a worker. */
export interface SegmenterSettings {
  readonly source: { readonly url: string } | Blob | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly model?: SegmentationModelName
  readonly edge: boolean
  readonly classes?: number
  readonly devices: readonly Device[]
  readonly threads: number
  readonly memoryBudget?: number
  readonly wasmPaths?: string | { readonly mjs?: string; readonly wasm?: string }
}

/** @throws `runtime-unavailable` for an unknown device, `invalid-argument` for other options */
export function settingsOf(options: SegmenterOptions): SegmenterSettings {
  const {
    source,
    headers,
    model,
    edge = false,
    classes,
    device = 'auto',
    threads = 0,
    memoryBudget,
  } = options
  if (device !== 'auto' && !DEVICES.includes(device)) {
    throw new InverseFormError('runtime-unavailable', `The device "${device}" is not available.`, {
      hint: `The devices are ${DEVICES.join(' and ')}; auto chooses among them.`,
    })
  }
  requireOption('threads', threads, Number.isInteger(threads) && threads >= 0, 'a whole number, 0 for all')
  requireOption(
    'memoryBudget',
    memoryBudget,
    memoryBudget === undefined || memoryBudget > 0,
    'a number of bytes above 0',
  )
  return {
    source: sourceOf(source),
    headers,
    model,
    edge,
    classes,
    devices: device === 'auto' ? DEVICES : [device],
    threads,
    memoryBudget,
    wasmPaths: wasmPathsOf(options.wasmPaths),
  }
}

function sourceOf(source: CheckpointSource): SegmenterSettings['source'] {
  if (typeof source === 'string' || source instanceof URL) return { url: urlOf('source', source) }
  if (source instanceof Blob || source instanceof Uint8Array) return source
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
    hint: 'Set `source` to a URL, a Blob or File, or the bytes of a .pth or .safetensors file.',
  })
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

function requireOption(name: string, value: unknown, valid: boolean, expected: string): void {
  if (valid) return
  throw new InverseFormError('invalid-argument', `The option ${name} is ${value}.`, {
    hint: `Give ${expected}.`,
  })
}
