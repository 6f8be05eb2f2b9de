import { constant, flattenSpatial, relu, unflattenSpatialLike } from '../build.js'
import { apply } from '../operators/index.js'
import type { Graph, Value, ValueOf } from '../value.js'
import { isPointwise } from './commute-resize.js'
import { type Convolution, isCuttable } from './cut-weight.js'
import { rewrite } from './rewrite.js'

/** The fewest input channels and output channels of a wide convolution. With 64 input channels, measurements found no gain. */
const WIDE = [128, 64] as const

/**
 * Writes wide 1x1 convolutions over flattened pixels, so that ONNX Runtime computes each as one matrix product. Its own form for
 * processors with AVX2, blocks of 8 channels, may take twice as long. Results agree to rounding.
 */
export function flattenPointwise(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    if (isCuttable(value) && isPointwise(value) && isWide(value)) return flattened(value)
    // ONNX Runtime computes an activation with the product only if it follows at once.
    if (value.op === 'relu' && isFlattened(value.inputs[0])) {
      const [product, like] = value.inputs[0].inputs
      return unflattenSpatialLike(relu(product), like)
    }
    return value
  })
}

function isWide({ inputs: [, weight] }: Convolution): boolean {
  const [outputs, inputs] = weight.shape as number[]
  return inputs >= WIDE[0] && outputs >= WIDE[1]
}

function flattened({ inputs: [x, weight, ...bias] }: Convolution): Value {
  const { name, load } = weight.attributes
  const matrix = constant(`${name}[:, :, 0]`, weight.shape.slice(0, 3) as number[], load)
  return unflattenSpatialLike(apply('pointwise', [flattenSpatial(x), matrix, ...bias], {}), x)
}

function isFlattened(value: Value): value is ValueOf<'unflattenSpatialLike'> {
  return value.op === 'unflattenSpatialLike' && value.inputs[0].op === 'pointwise'
}
