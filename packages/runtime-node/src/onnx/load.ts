import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import type * as Common from 'onnxruntime-common'

/** The API that ONNX Runtime's native and WebAssembly builds share. */
export type OnnxRuntime = typeof Common

export interface NativeRuntime {
  readonly ort: OnnxRuntime & {
    listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[]
  }
  /** The folder of its native libraries. */
  readonly libraries: string
}

/** The minor version of onnxruntime-node 1 from which on the devices work as we use them. */
const OLDEST_MINOR = 30

let native: Promise<NativeRuntime> | undefined

/**
 * Loads ONNX Runtime's native library: the onnxruntime-node that the user has installed, for example for CUDA, or the package
 * for this platform (docs/install.md).
 * @throws `runtime-unavailable`
 */
export function loadNative(): Promise<NativeRuntime> {
  native ??= importNative()
  return native
}

async function importNative(): Promise<NativeRuntime> {
  const { platform, arch } = process
  const own = `@inverseform/onnxruntime-${platform === 'win32' ? platform : `${platform}-${arch}`}`
  const require = createRequire(import.meta.url)
  const failures: Error[] = []
  for (const name of hasUsableOnnxRuntimeNode(require) ? ['onnxruntime-node', own] : [own]) {
    try {
      const ort = require(name) as NativeRuntime['ort']
      return { ort, libraries: join(dirname(require.resolve(name)), '../bin/napi-v6', platform, arch) }
    } catch (error) {
      failures.push(error as Error)
    }
  }
  // Node appends the modules that required the missing one.
  const reasons = failures.map(({ message }) => message.split('\n')[0].replace(/\.$/, ''))
  throw new InverseFormError(
    'runtime-unavailable',
    `ONNX Runtime's native library cannot be loaded on ${platform}-${arch}: ${reasons.join('; ')}.`,
    {
      hint: 'It exists for Linux with glibc and Windows (x64, arm64) and for macOS on Apple silicon. There, install again without omitting optional dependencies. Elsewhere, use the device `wasm`.',
      cause: failures[0],
    },
  )
}

/** Whether there is an onnxruntime-node that fits. It may be another package's, of any version. */
function hasUsableOnnxRuntimeNode(require: NodeJS.Require): boolean {
  try {
    const { version } = require('onnxruntime-node/package.json') as { version: string }
    const [major, minor] = version.split('.').map(Number)
    return major === 1 && minor >= OLDEST_MINOR
  } catch {
    return false
  }
}

/** Loads ONNX Runtime's WebAssembly build, which runs everywhere. The first call sets the number of threads. */
export async function loadWasm(threads: number): Promise<OnnxRuntime> {
  const ort: OnnxRuntime = await import('onnxruntime-web')
  ort.env.logLevel = 'error'
  ort.env.wasm.numThreads ??= threads
  return ort
}

/**
 * Loads ONNX Runtime for the CPU: the native library where there is one, else the WebAssembly build.
 * @param threads of the WebAssembly build; sessions of the native library set their own
 */
export async function loadOnnxRuntime(
  threads: number,
): Promise<{ readonly ort: OnnxRuntime; readonly device: 'cpu' | 'wasm' }> {
  try {
    return { ort: (await loadNative()).ort, device: 'cpu' }
  } catch {
    return { ort: await loadWasm(threads), device: 'wasm' }
  }
}
