import type { Value } from '../graph/value.js'
import type { Scope } from './scope.js'

export interface BuildOptions {
  readonly classes: number
  readonly edge: boolean
}

/** What a segmentation network computes, at a fraction of the image's size. */
export interface NetworkOutputs {
  /** [N, classes, h, w] */
  readonly logits: Value
  /** [N, 1, h, w], with the edge head */
  readonly edge?: Value
  /** [N, 1, h, w], in [0,1], multi-scale models only */
  readonly attention?: Value
}

/** A segmentation network as a function that builds its graph over an image [N,3,H,W]. */
export type Network = (scope: Scope, image: Value, options: BuildOptions) => NetworkOutputs
