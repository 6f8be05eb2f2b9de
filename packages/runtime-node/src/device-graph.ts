import { forWebGpu, type Graph } from '@inverseform/backbones'
import type { Device } from './devices.js'

/** A network in the form that a device is to run. */
export function graphFor(device: Device, graph: Graph): Graph {
  return device === 'webgpu' ? forWebGpu(graph) : graph
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
