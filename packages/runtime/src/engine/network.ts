import type { ZooModel } from '@inverseform/backbones'
import { type Graph, largestBufferBytes, peakActivationBytes } from '@inverseform/backbones/graph'
import type { Session, Tensor } from './backend.js'
import type { Engine } from './engine.js'
import type { RgbImage } from './rgb-image.js'

/** A segmentation network with its session, its engine and its limits. */
export interface Network<M = Tensor, I = RgbImage> {
  readonly session: Session<M>
  readonly engine: Engine<M, I>
  /** In the form that the session runs; its weights are not needed. */
  readonly graph: Graph
  readonly info: ZooModel
  readonly numClasses: number
  /** Bytes that activations may take before images are cut into tiles. */
  readonly memoryBudget: number
  /** Bytes that one tensor may take before images are cut into tiles; GPUs limit their buffers. */
  readonly maxBufferBytes?: number
  /** Returns the bytes of main memory that are free; without it, the need is not checked before the work. */
  readonly availableMemory?: () => number
  /** Bytes per value between the network's operators; 4 by default. */
  readonly bytesPerElement?: 2 | 4
}

/** Memory that a device needs for images of a size. */
export interface MemoryNeed {
  /** Peak bytes of all activations. */
  readonly activations: number
  /** Bytes of the largest tensor. */
  readonly buffer: number
}

/** Returns the memory needed for N images of a size. */
export function memoryNeed(network: AnyNetwork, N: number, width: number, height: number): MemoryNeed {
  const bindings = { N, H: height, W: width }
  const { graph, bytesPerElement } = network
  return {
    activations: peakActivationBytes(graph, bindings, { bytesPerElement }),
    buffer: largestBufferBytes(graph, bindings, { bytesPerElement }),
  }
}

/** Returns whether a network may use this much memory. */
export function fits(
  { memoryBudget, maxBufferBytes = Number.POSITIVE_INFINITY }: AnyNetwork,
  need: MemoryNeed,
): boolean {
  return need.activations <= memoryBudget && need.buffer <= maxBufferBytes
}

/** A network for planning, which uses no tensors. */
export type AnyNetwork = Omit<Network, 'session' | 'engine'>
