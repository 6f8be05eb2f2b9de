import type { Value } from '../graph/value.js'
import type { Scope } from './scope.js'

export interface BuildOptions {
  readonly numClasses: number
  readonly edgeHead: boolean
}

/** The outputs of a segmentation network, at a fraction h, w of the image's size. */
export interface NetworkOutputs {
  /** [N, numClasses, h, w] */
  readonly logits: Value
  /** [N, 1, h, w], only with the edge head. */
  readonly edge?: Value
  /** [N, 1, h, w] in [0,1], only for multi-scale models. */
  readonly attention?: Value
}

/** Builds the graph of a segmentation network over an image [N,3,H,W]. */
export type Network = (scope: Scope, image: Value, options: BuildOptions) => NetworkOutputs
