/** Devices that networks can run on: the execution providers of onnxruntime-node, by their names there. */
export const devices = ['cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml'] as const
export type Device = (typeof devices)[number]

/**
 * What `auto` tries, in order; the CPU is always the last.
 *
 * - TensorRT is left out: it builds an engine for each size of image, which takes minutes.
 * - On Windows so is WebGPU: DirectML is there wherever a GPU is, and without one WebGPU could get a software adapter.
 */
export function autoDevices(platform: NodeJS.Platform): readonly Device[] {
  if (platform === 'linux') return ['cuda', 'webgpu', 'cpu']
  if (platform === 'darwin') return ['webgpu', 'coreml', 'cpu']
  if (platform === 'win32') return ['dml', 'cpu']
  return ['cpu']
}

/** Devices of which a machine may have several, told apart by `deviceId`. */
export const numberedDevices: readonly Device[] = ['cuda', 'tensorrt', 'dml']
