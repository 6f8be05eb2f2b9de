import { checkArgument, checkInteger, InverseFormError } from '@inverseform/errors'
import * as ort from 'onnxruntime-web/wasm'

/** URLs of the two files of ONNX Runtime: its JavaScript and its WebAssembly module. */
export interface WasmPaths {
  /** `ort-wasm-simd-threaded.mjs`; by default, the code in your bundle. */
  readonly mjs?: string | URL
  /** `ort-wasm-simd-threaded.wasm` */
  readonly wasm?: string | URL
}

export interface WebSessionOptions {
  /** Number of WebAssembly threads; 0, the default, uses all cores. More than 1 needs a cross-origin isolated page. */
  readonly threads?: number
  /** Where ONNX Runtime's files are: a folder with both, or the URL of each. By default, next to the script of the worker. */
  readonly wasmPaths?: string | URL | WasmPaths
}

/** Configures ONNX Runtime. Only the options of the first session of a worker take effect. */
export function configureOnnxRuntime({ threads = 0, wasmPaths }: WebSessionOptions): void {
  checkInteger('threads', threads, { min: 0 })
  ort.env.logLevel = 'error'
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = absolutePaths(wasmPaths)
  // Only pages and their workers know whether they are isolated.
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? threads || navigator.hardwareConcurrency : 1
}

function absolutePaths(paths: string | URL | WasmPaths): string | { mjs?: string; wasm?: string } {
  if (typeof paths === 'string' || paths instanceof URL) {
    // ONNX Runtime appends file names without a slash.
    return absoluteUrl('wasmPaths', paths).replace(/\/?$/, '/')
  }
  const isObject = typeof paths === 'object' && paths !== null
  checkArgument('wasmPaths', paths, isObject, 'a URL or an object { mjs, wasm } of URLs')
  const { mjs, wasm } = paths
  return {
    ...(mjs && { mjs: absoluteUrl('wasmPaths.mjs', mjs) }),
    ...(wasm && { wasm: absoluteUrl('wasmPaths.wasm', wasm) }),
  }
}

function absoluteUrl(option: string, url: string | URL): string {
  try {
    return new URL(url, location.href).href
  } catch (cause) {
    throw new InverseFormError('invalid-argument', `\`${option}\` must be a valid URL, got "${url}".`, {
      hint: 'Pass a URL that is absolute or relative to the script of the worker.',
      cause,
    })
  }
}
