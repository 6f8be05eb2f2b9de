import type { Value } from '../graph/value.js'
import type { Scope } from './scope.js'

export interface BuildOptions {
  readonly numClasses: number
  readonly edgeHead: boolean
  readonly auxiliaryHeads?: boolean
}

/** The outputs of a segmentation network, at a fraction h, w of the image's size. */
export interface NetworkOutputs {
  /** [N, numClasses, h, w] */
  readonly logits: Value
  /** [N, 1, h, w], only with the edge head. */
  readonly edge?: Value
  /** [N, 1, h, w] in [0,1], only for multi-scale models. */
  readonly attention?: Value
  /** [N, numClasses, h, w], only with the auxiliary heads. */
  readonly auxiliaryLogits?: Value
  /** [N, 1, h, w], logits, only with the auxiliary and edge heads. */
  readonly auxiliaryEdge?: Value
}

/** Builds the graph of a segmentation network over an image [N,3,H,W]. */
export type Network = (scope: Scope, image: Value, options: BuildOptions) => NetworkOutputs

/** The published `edge_head`: 1x1 convolution, normalization, ReLU, 1x1 convolution to one logit. */
export function edgeHead(scope: Scope, features: Value): Value {
  const head = scope.at('edge_head.last_layer')
  const hidden = head.convNormRelu(features, '0', '1', features.shape[1] as number, 1, { bias: true })
  return head.at('3').conv(hidden, 1, 1, { bias: true })
}

/** The published `aux_head`: 1x1 convolution, normalization, ReLU, 1x1 convolution to the classes. */
export function auxiliaryHead(scope: Scope, features: Value, numClasses: number): Value {
  const head = scope.at('aux_head')
  const x = head.convNormRelu(features, '0', '1.0', features.shape[1] as number, 1, { bias: true })
  return head.at('2').conv(x, numClasses, 1, { bias: true })
}
