import type { Graph } from '@inverseform/backbones'
import type { Tensor } from './tensor.js'

/** A network ready to run. `M` is a tensor in the memory that it computes in. */
export interface Session<M = Tensor> {
  /** Runs the network; gives all of its outputs. */
  run(feeds: Readonly<Record<string, M>>): Promise<Readonly<Record<string, M>>>
  /** Frees what the session holds. */
  dispose(): Promise<void>
}

/** What a runtime supplies: something that runs graphs on a device. */
export interface Backend<M = Tensor> {
  /** e.g. `cpu` */
  readonly device: string
  /** Makes a graph ready to run. Its weights are read now and need not be there afterwards. */
  createSession(graph: Graph): Promise<Session<M>>
}
