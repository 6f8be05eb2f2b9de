import type { Graph } from '@inverseform/backbones/graph'

/** A float32 tensor in C order. */
export interface Tensor {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** A network that a device has loaded. `M` is a tensor in the device's memory. */
export interface Session<M = Tensor> {
  /** Runs the network and returns all of its outputs by name. */
  run(feeds: Readonly<Record<string, M>>): Promise<Readonly<Record<string, M>>>
  /** Frees the memory of the session. */
  dispose(): Promise<void>
}

/** Runs graphs on a device. Every runtime supplies one. */
export interface Backend<M = Tensor> {
  /** For example `cpu`. */
  readonly device: string
  /** Loads a graph. Its weights are read now; they may be freed afterwards. */
  createSession(graph: Graph): Promise<Session<M>>
}
