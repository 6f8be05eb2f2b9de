/**
 * Keeps ONNX Runtime from sending what it is used for to its makers, as its binaries for Linux and macOS do since 1.29
 * (https://github.com/microsoft/onnxruntime/pull/27379): nobody who segments images expects it. Whoever wants it sets the
 * variable to 0. The library reads the environment of the process when it is loaded; what a worker thread sets, which
 * has a copy, it does not see.
 */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
}
