import { type Graph, topologicalOrder, type Value } from '../value.js'
import { isCuttable, sumOverParts } from './cut-weight.js'
import { rewrite } from './rewrite.js'

/**
 * Makes sums of convolutions over the parts of a concatenation, of convolutions over the concatenation:
 * `W·concat(a, b) + bias = (Wa·a + bias) + Wb·b` with W cut by input channels, whatever its kernel, stride and padding.
 * The numbers are the same to rounding, and so are the multiplications; the concatenation is never made. One that
 * something else reads as well is left alone, for it would be made all the same.
 */
export function splitConcat(graph: Graph): Graph {
  const neededWhole = readByOthers(graph)
  return rewrite(graph, (value, original) => {
    if (!isCuttable(value) || neededWhole.has(original.inputs[0])) return value
    const [x] = value.inputs
    if (x.op !== 'concat' || x.attributes.axis !== 1) return value
    return sumOverParts(value, x.inputs)
  })
}

/** What something else than a convolution reads. */
function readByOthers(graph: Graph): Set<Value> {
  const read = new Set(Object.values(graph.outputs))
  for (const value of topologicalOrder(graph)) {
    for (const input of value.inputs.slice(isCuttable(value) ? 1 : 0)) read.add(input)
  }
  return read
}
