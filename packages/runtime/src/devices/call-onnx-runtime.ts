import { InverseFormError } from '@inverseform/errors'

/** What to do about an error of ONNX Runtime. */
export interface OnnxHints {
  readonly outOfMemory: string
  readonly failed: string
}

/**
 * Runs a call into ONNX Runtime's WebAssembly and converts its errors.
 *
 * @param what what the call does, for messages
 * @throws InverseFormError `runtime-unavailable` if ONNX Runtime cannot be loaded; `out-of-memory`; `inference-failed`
 */
export async function callOnnxRuntime<T>(what: string, hints: OnnxHints, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    // Emscripten throws C++ exceptions as numbers.
    const message = (cause instanceof Error ? cause.message : String(cause)).replace(/\.+$/, '')
    if (/no available backend/i.test(message)) {
      throw new InverseFormError('runtime-unavailable', `ONNX Runtime could not be loaded: ${message}.`, {
        hint: "Check that `wasmPaths` points to its files, and that the page's policy allows 'wasm-unsafe-eval'.",
        cause,
      })
    }
    if (/bad_alloc|failed to allocate|out of memory|memory access out of bounds/i.test(message)) {
      throw new InverseFormError('out-of-memory', `There was not enough memory to ${what}.`, {
        hint: hints.outOfMemory,
        cause,
      })
    }
    throw new InverseFormError('inference-failed', `ONNX Runtime could not ${what}: ${message}.`, {
      hint: hints.failed,
      cause,
    })
  }
}
