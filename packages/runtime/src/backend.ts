import type { Graph } from '@inverseform/backbones'
import type { Tensor } from './tensor.js'

/** A network ready to run. */
export interface Session {
  /** Runs the network; gives the outputs named, or all of them. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>
  /** Frees what the session holds. */
  dispose(): Promise<void>
}

/** What a runtime supplies: something that runs graphs on a device. */
export interface Backend {
  /** e.g. `cpu` */
  readonly device: string
  /** Makes a graph ready to run. Its weights are read now and need not be there afterwards. */
  createSession(graph: Graph): Promise<Session>
}
