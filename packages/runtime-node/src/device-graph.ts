import { type Graph, type PassName, passes } from '@inverseform/backbones'
import type { Device } from './devices.js'

/** What is rewritten for a device: on WebGPU, what would need large buffers and what is computed wrongly. */
const devicePasses: Partial<Record<Device, readonly PassName[]>> = {
  webgpu: ['commuteResize', 'splitConcat', 'splitHidden', 'splitMiscomputed'],
}

/** A network in the form that a device is to run. */
export function graphFor(device: Device, graph: Graph): Graph {
  return (devicePasses[device] ?? []).reduce((rewritten, name) => passes[name](rewritten), graph)
}

/**
 * Bytes that one tensor may take; undefined where all there is can be one.
 *
 * ONNX Runtime asks WebGPU for all that the adapter allows, and binds in parts what is larger than a binding may be, but
 * onnxruntime-node does not tell how much that is, and beyond it a run fails. So it is what every adapter must allow
 * (`maxBufferSize`, https://www.w3.org/TR/webgpu/#limits): just enough for each of the models at 1024x2048.
 */
export function maxBufferBytes(device: Device): number | undefined {
  return device === 'webgpu' ? 2 ** 28 : undefined
}
