import { resizeLike } from '../build.js'
import { withInputs } from '../operators/index.js'
import type { Graph, ValueOf } from '../value.js'
import { isCuttable, sumOverParts } from './cut-weight.js'
import { rewrite } from './rewrite.js'

/**
 * Moves 1x1 convolutions before the resize that they follow.
 *
 * Bilinear interpolation acts on each channel with weights that sum to one, and a 1x1 convolution acts on each pixel, so
 * `W·concat(x0, up(x1), …) + b = (W0·x0 + b) + up(W1·x1) + …` with W cut by input channels. Results agree to rounding.
 * The multiplications run at the smaller size, and the concatenation of all channels is never built.
 */
export function commuteResize(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    if (!isCuttable(value) || !isPointwise(value)) return value
    const [x] = value.inputs
    const parts = x.op === 'concat' && x.attributes.axis === 1 ? x.inputs : [x]
    if (!parts.some((part) => part.op === 'resizeLike')) return value
    return sumOverParts(value, parts, ([part, ...cut]) =>
      part.op === 'resizeLike'
        ? resizeLike(withInputs(value, [part.inputs[0], ...cut]), part.inputs[1])
        : withInputs(value, [part, ...cut]),
    )
  })
}

export function isPointwise({ inputs, attributes: { stride, padding } }: ValueOf<'conv2d'>): boolean {
  const [, , kh, kw] = inputs[1].shape
  return [kh, kw, ...stride].every((n) => n === 1) && padding.every((n) => n === 0)
}
