/** Devices that networks can run on, named like the execution providers of ONNX Runtime. */
export const devices = ['cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml', 'wasm'] as const
export type Device = (typeof devices)[number]

/**
 * Returns the devices that `auto` tries, in order; the CPU is always the last.
 *
 * - TensorRT is left out: it builds an engine for each image size, which takes minutes.
 * - On Windows, WebGPU is left out: DirectML works on every GPU, and without a GPU, WebGPU might run in software.
 */
export function autoDevices(platform: NodeJS.Platform): readonly Device[] {
  if (platform === 'linux') return ['cuda', 'webgpu', 'cpu']
  if (platform === 'darwin') return ['webgpu', 'coreml', 'cpu']
  if (platform === 'win32') return ['dml', 'cpu']
  return ['cpu']
}

/** Devices of which a machine may have several; `deviceId` selects one. */
export const numberedDevices: readonly Device[] = ['cuda', 'tensorrt', 'dml']

/**
 * Returns the bytes that one tensor may take; undefined if the device does not limit them.
 *
 * ONNX Runtime requests all that the WebGPU adapter allows, and binds larger tensors in parts, but onnxruntime-node does
 * not report the limit, and beyond it a run fails. So this is what every adapter must allow (`maxBufferSize`,
 * https://www.w3.org/TR/webgpu/#limits), which is enough for each of the models at 1024x2048.
 */
export function maxBufferBytes(device: Device): number | undefined {
  return device === 'webgpu' ? 2 ** 28 : undefined
}

/** Returns the most bytes that activations may take by default, whatever is free. */
export function maxMemoryBudget(device: Device): number {
  // WebAssembly addresses 4 GB, which weights and copies share.
  return device === 'wasm' ? 2 ** 31 : Number.POSITIVE_INFINITY
}
