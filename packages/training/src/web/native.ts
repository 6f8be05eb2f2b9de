import { InverseFormError } from '@inverseform/errors'

/**
 * Runs a call into ONNX Runtime and converts its errors.
 * @param what what the call does, for messages
 */
export async function native<T>(what: string, call: () => Promise<T>): Promise<T> {
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
        hint: 'WebAssembly has 4 GB. Use a smaller crop, a smaller batch with `accumulate`, or a smaller model.',
        cause,
      })
    }
    throw new InverseFormError('inference-failed', `ONNX Runtime could not ${what}: ${message}.`, {
      hint: 'Try another crop size. If the error stays, report the message.',
      cause,
    })
  }
}
