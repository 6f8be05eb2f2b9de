import { type Graph, largestBufferBytes, peakActivationBytes, type ZooModel } from '@inverseform/backbones'
import type { Session } from './backend.js'
import type { Engine } from './engine.js'
import type { RgbImage, Tensor } from './tensor.js'

/** A segmentation network, its session, what surrounds it, and what is known of all. */
export interface Network<M = Tensor, I = RgbImage> {
  readonly session: Session<M>
  readonly engine: Engine<M, I>
  readonly graph: Graph
  readonly info: ZooModel
  readonly classes: number
  /** Bytes that activations may take before images are cut into tiles. */
  readonly memoryBudget: number
  /** Bytes that one tensor may take before images are cut into tiles; GPUs bound their buffers. */
  readonly maxBufferBytes?: number
  /** Bytes of a number between the network's operators, 4 unless given. */
  readonly bytesPerElement?: 2 | 4
}

/** What an image's size asks of a device. */
export interface MemoryNeed {
  /** Bytes of all activations at one time, at most. */
  readonly activations: number
  /** Bytes of the largest tensor. */
  readonly buffer: number
}

export function memoryNeed(network: AnyNetwork, N: number, width: number, height: number): MemoryNeed {
  const bindings = { N, H: height, W: width }
  const { graph, bytesPerElement } = network
  return {
    activations: peakActivationBytes(graph, bindings, { bytesPerElement }),
    buffer: largestBufferBytes(graph, bindings, { bytesPerElement }),
  }
}

export function fits(
  { memoryBudget, maxBufferBytes = Number.POSITIVE_INFINITY }: AnyNetwork,
  need: MemoryNeed,
): boolean {
  return need.activations <= memoryBudget && need.buffer <= maxBufferBytes
}

/** Planning looks at no tensor. */
export type AnyNetwork = Omit<Network, 'session' | 'engine'>
